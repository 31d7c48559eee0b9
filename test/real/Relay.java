// Debezium's engine with a Kafka producer behind it: each change event becomes a record of the topic
// of its table, as Kafka Connect would write it. Connector settings come in a file of properties,
// with `relay.brokers` among them. The line "running" says that changes are being followed.
import io.debezium.engine.ChangeEvent;
import io.debezium.engine.DebeziumEngine;
import io.debezium.engine.format.Json;
import java.io.FileReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

public final class Relay implements DebeziumEngine.ChangeConsumer<ChangeEvent<String, String>> {
  private final KafkaProducer<String, String> producer;

  private Relay(String brokers) {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", brokers);
    settings.put("acks", "all");
    settings.put("linger.ms", "2");
    settings.put("delivery.timeout.ms", "600000");
    settings.put("max.block.ms", "600000");
    producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer());
  }

  @Override
  public void handleBatch(
      List<ChangeEvent<String, String>> events,
      DebeziumEngine.RecordCommitter<ChangeEvent<String, String>> committer)
      throws InterruptedException {
    List<Future<?>> sent = new ArrayList<>();
    for (ChangeEvent<String, String> event : events)
      sent.add(
          producer.send(new ProducerRecord<>(event.destination(), event.key(), event.value())));
    for (int i = 0; i < sent.size(); i++) {
      try {
        sent.get(i).get();
      } catch (java.util.concurrent.ExecutionException failure) {
        throw new RuntimeException(failure);
      }
      committer.markProcessed(events.get(i));
    }
    committer.markBatchFinished();
  }

  public static void main(String[] words) throws Exception {
    Properties settings = new Properties();
    try (FileReader file = new FileReader(words[0])) {
      settings.load(file);
    }
    Relay relay = new Relay(settings.getProperty("relay.brokers"));
    DebeziumEngine<ChangeEvent<String, String>> engine =
        DebeziumEngine.create(Json.class)
            .using(settings)
            .using(
                new DebeziumEngine.ConnectorCallback() {
                  @Override
                  public void pollingStarted() {
                    System.out.println("running");
                  }
                })
            .using(
                (success, message, error) -> {
                  System.err.println("ended: " + message);
                  if (error != null) error.printStackTrace();
                })
            .notifying(relay)
            .build();
    engine.run();
    System.exit(1);
  }
}
