/**
 * Every bound on a buffer, queue, depth or loop, with its unit last. Nothing in the product grows
 * without one of these; a bound that is hit is an error or a wait that names it.
 */
export const limits = {
  /** Bytes of a file of the log, unless a single record is larger. */
  logFileBytesMax: 64 * 1024 * 1024,
  /** Bytes of one record of the log: what one step writes. */
  logRecordBytesMax: 1024 * 1024 * 1024,
  /** Bytes of a write that is joined with others of the same step, and of all that are joined. */
  joinedWriteBytesMax: 4 * 1024,
  joinedBytesMax: 256 * 1024,
  /** Bytes of one piece of a checkpoint, and of what a checkpoint holds besides its pieces. */
  checkpointPieceBytesMax: 4 * 1024 * 1024,
  checkpointContentBytesMax: 1024 * 1024 * 1024,
  /** Bytes that gather before they are written to a checkpoint's file; there are two such buffers. */
  checkpointBufferBytes: 5 * 1024 * 1024,
  /** Bytes that are written to a checkpoint's file between two syncs. */
  checkpointSyncBytes: 1024 * 1024,
  /** Bytes that are read from a checkpoint's file at once, and how often at a time. */
  checkpointBlockBytes: 4 * 1024 * 1024,
  checkpointReadBlocks: 5,
  /** Patches on one full checkpoint; then the next is full. */
  checkpointPatchesMax: 64,
  /** Steps of the log that are on their way to the engine when the program starts. */
  recoveryStepsInFlightMax: 16,
  /** Milliseconds after which a step for which the disk had no room is tried again. */
  diskFullRetryMilliseconds: 1_000,
  /** Milliseconds after which what was compiled is kept for the next start. */
  compileCacheMilliseconds: 5_000,
  /** Rows that one activation of an operator may take or give. */
  activationRowsMax: 4096,
  /** Milliseconds that one activation may run before it yields. */
  activationMillisecondsMax: 1,
  /** Milliseconds that the dataflow thread runs before it looks for messages. */
  turnMillisecondsMax: 2,
  /** Milliseconds that the dataflow thread works or sleeps before its event loop gets a turn. */
  threadTurnMillisecondsMax: 100,
  /** Milliseconds between steps that are made of nothing for subscribers with PROGRESS. */
  tickMilliseconds: 1_000,
  /** Rows of a step's input across all collections. */
  stepRowsMax: 65_536,
  /** Steps that may be sent to the engine and not yet be complete. */
  stepsInFlightMax: 2,
  /** Bytes of replayed records on their way to the engine, a dataflow. */
  replayBytesInFlightMax: 16 * 1024 * 1024,
  /** Bytes of raw records that one step takes in. */
  stepBytesMax: 4 * 1024 * 1024,
  /** Bytes of raw records that a source may hold between fetch and step. */
  sourceBufferedBytesMax: 64 * 1024 * 1024,
  /** Bytes of a key, and of a value, that the relation of errors keeps of a record. */
  failedPartBytesMax: 4 * 1024,
  /** Bytes of failed records that a decoder gathers before it hands them on. */
  failedRecordsBytesMax: 4 * 1024 * 1024,
  /** Offsets of records that did not decode which are kept to count each once, of a source. */
  failedOffsetsMax: 10_000,
  /** Records that the relation of errors of a source with one row a key lists at a time. */
  quarantinedRecordsMax: 10_000,
  /** Bytes that the records of one compressed batch may unfold to. */
  decompressedBatchBytesMax: 128 * 1024 * 1024,
  /**
   * Bytes that one Fetch may bring per partition, and in all; a single larger batch comes
   * nevertheless.
   */
  fetchPartitionBytesMax: 1024 * 1024,
  fetchBytesMax: 8 * 1024 * 1024,
  /** Bytes that the main thread checks of what a broker sent before others get a turn. */
  checksumSliceBytes: 1024 * 1024,
  /** Bytes of one answer of a broker; what claims more is not taken for one. */
  frameBytesMax: 160 * 1024 * 1024,
  /** Bytes of memory for answers of brokers that are kept for the next ones, in all. */
  frameMemoryKeptBytesMax: 48 * 1024 * 1024,
  /** Milliseconds that a broker may hold back a Fetch while there is nothing to send. */
  fetchWaitMillisecondsMax: 250,
  /** Bytes of the value of one secret. */
  secretBytesMax: 512 * 1024,
  /** Milliseconds in which some broker must answer when a connection or source is created. */
  brokerAnswerMillisecondsMax: 5_000,
  /** Milliseconds between two looks at a topic's partitions. */
  topicRefreshMillisecondsMax: 5_000,
  /** Partitions of all topics of one source; more of them are not read, and it says so. */
  sourceSlotsMax: 10_000,
  /** Characters of a pattern of topics, its states when repetitions are written out, its nesting. */
  topicPatternUnitsMax: 1_000,
  topicPatternStatesMax: 10_000,
  topicPatternDepthMax: 50,
  /** Milliseconds of the longest pause between two attempts to reach a broker. */
  brokerRetryMillisecondsMax: 5_000,
  /**
   * Bytes that the embedded broker keeps of all its topics; beyond it producers are told to try
   * later.
   */
  brokerKeptBytesMax: 1024 * 1024 * 1024,
  /**
   * Bytes of one segment of the embedded broker's logs, and of one request to it (Kafka: 100 MiB).
   */
  brokerSegmentBytes: 1024 * 1024,
  brokerFrameBytesMax: 100 * 1024 * 1024,
  /**
   * Bytes of requests that the embedded broker has taken in and not finished, over all connections.
   */
  brokerPendingBytesMax: 256 * 1024 * 1024,
  /** Requests of one connection that wait at the embedded broker; then it stops reading. */
  brokerPendingRequestsMax: 100,
  /**
   * Connections, partitions, consumer groups, group members, committed offsets and producers of the
   * embedded broker.
   */
  brokerConnectionsMax: 1_000,
  brokerPartitionsMax: 10_000,
  brokerGroupsMax: 1_000,
  brokerMembersMax: 1_000,
  brokerOffsetsMax: 100_000,
  brokerProducersMax: 10_000,
  /** Milliseconds that the embedded broker lets a transaction or a group wait. */
  brokerTimeoutMillisecondsMax: 900_000,
  /** UTF-16 units, levels, and parts (values of its JSON) of one Avro schema. */
  avroSchemaUnitsMax: 1024 * 1024,
  avroSchemaDepthMax: 256,
  avroSchemaPartsMax: 50_000,
  /** Values in one Avro record, those without bytes (null, empty records) included. */
  avroValuesMax: 1_000_000,
  /** Nesting of one Avro value. */
  avroDepthMax: 256,
  /** UTF-16 units, levels, and parts (messages and fields) of one Protobuf schema. */
  protobufSchemaUnitsMax: 4 * 1024 * 1024,
  protobufSchemaDepthMax: 64,
  protobufSchemaPartsMax: 50_000,
  /** Nesting of one Protobuf message, its groups included. */
  protobufDepthMax: 100,
  /** Schemas with which the records of one source were written. */
  avroWritersMax: 10_000,
  /** Milliseconds and bytes of one answer of a schema registry. */
  registryAnswerMillisecondsMax: 5_000,
  registryAnswerBytesMax: 4 * 1024 * 1024,
  /** Requests that are under way at one schema registry. */
  registryRequestsMax: 8,
  /** Schemas that one schema may refer to, those that they refer to included. */
  registryReferencesMax: 1_000,
  /** UTF-16 units of schemas that are kept of one registry. */
  registryKeptUnitsMax: 64 * 1024 * 1024,
  /** Subjects of the embedded schema registry. */
  registrySubjectsMax: 10_000,
  /** Milliseconds between two questions for a schema that the registry does not have. */
  registryMissingMilliseconds: 30_000,
  /** Milliseconds of the longest pause between two attempts to reach a schema registry. */
  registryRetryMillisecondsMax: 5_000,
  /** Nesting of one JSON document of a source. */
  jsonDepthMax: 512,
  /** Bytes of the schema part of a Debezium event that is remembered, to be passed quickly. */
  debeziumSchemaBytesMax: 1024 * 1024,
  /** Bytes of what the numbers with exponents of one jsonb stand for: nine can ask for 131,072. */
  jsonDigitsMax: 64 * 1024 * 1024,
  /** Bytes of one wire message from a client; Postgres allows 1 GiB. */
  messageBytesMax: 256 * 1024 * 1024,
  /** Bytes of a startup packet (Postgres: 10,000). */
  startupBytesMax: 10_000,
  /** Milliseconds that a client may take until it has said who it is (Postgres: 60,000). */
  startupMillisecondsMax: 60_000,
  /** Bytes of one SQL text; while it is read and bound nobody else is answered. */
  statementBytesMax: 16 * 1024 * 1024,
  /** Nesting of parentheses, CASE, subqueries and the like in one statement. */
  nestingDepthMax: 1_000,
  /**
   * Operators in one unbroken chain, with those of the levels around it: each nests the tree one
   * deeper.
   */
  chainTokensMax: 2_000,
  /** Tokens of one SQL text: memory of the grammar grows with them, a long literal is one. */
  statementTokensMax: 1_000_000,
  /** Tokens of a long SQL text that are read before others get their turn. */
  parseSliceTokens: 16_384,
  /** UTF-16 units of a SQL text that is read at a stretch. */
  parseStretchUnits: 65_536,
  /** Literals of INSERT … VALUES that become values before others get their turn. */
  literalSliceCells: 4_096,
  /** UTF-16 units of the user's text that a syntax error quotes. */
  errorTextUnitsMax: 1_000,
  /** Statements of one SQL text. */
  scriptStatementsMax: 100_000,
  /** Bytes that the grammar may need for one statement's tree and its JSON; it has 1 GiB. */
  grammarBytesMax: 900 * 1024 * 1024,
  /** UTF-16 units of a statement after which the grammar's memory is given back. */
  grammarTextUnitsKept: 4 * 1024 * 1024,
  /** Words of var bytes in one batch of several rows. */
  batchVarWordsMax: 2 ** 20,
  /** Bytes of the state of one dataflow and of its result; beyond it that dataflow ends. */
  dataflowBytesMax: 64 * 1024 * 1024 * 1024,
  /** Milliseconds for which a view has to keep pace until it is said that it has caught up. */
  laggardQuietMilliseconds: 60_000,
  /** Bytes of live stream batches that may wait for one dataflow before it is detached. */
  streamQueuedBytesMax: 64 * 1024 * 1024,
  /** Bytes of one row. */
  rowBytesMax: 128 * 1024 * 1024,
  /** Words of one record in a row store (a segment). */
  recordWordsMax: 2 ** 14,
  /** Rows of a SELECT's answer held in memory at once. */
  answerRowsMax: 10_000_000,
  /** Bytes of a SELECT's answer: what is ordered, and what a client has yet to read, is in memory. */
  answerBytesMax: 2 * 1024 * 1024 * 1024,
  /** Bytes of a checkpoint that the engine has given and that are not with the disk yet. */
  checkpointBytesInFlightMax: 8 * 1024 * 1024,
  /**
   * Bytes of one dataflow's state that are copied in one turn when it ends the step of a checkpoint.
   * A checkpoint that has more to copy is given up; the next may copy twice as many.
   */
  checkpointCaptureBytesMax: 64 * 1024 * 1024,
  /** Milliseconds that a checkpoint waits for dataflows that are behind; then it is without them. */
  checkpointMillisecondsMax: 30_000,
  /** Milliseconds between two checkpoints at least, unless somebody asks for one. */
  checkpointPauseMilliseconds: 30_000,
  /** Milliseconds between two looks whether a checkpoint is due. */
  checkpointLookMilliseconds: 1_000,
  /** Bytes waiting for one client of SUBSCRIBE. */
  subscribeBufferedBytesMax: 64 * 1024 * 1024,
  /** Regions, each a reserved range of address space. */
  regionsMax: 1_024,
  /** Bytes that one transaction may write, and all transactions of one step but its first. */
  transactionBytesMax: 512 * 1024 * 1024,
  /** Notices that a session keeps until they are sent. */
  noticesMax: 1_000,
  /** After which a read that waits says for whom. */
  waitNoticeMilliseconds: 2_000,
  /**
   * Bytes of messages of one client that wait while another one is worked on; then it is not read.
   */
  queuedMessageBytesMax: 1024 * 1024,
  /** Bytes of answers that are gathered before they are handed to the socket. */
  writeBufferBytes: 64 * 1024,
  /** Milliseconds that a client whose connection has ended may take to read what is left. */
  closeMillisecondsMax: 2_000,
  /** Client connections. */
  connectionsMax: 5_000,
  /** Bytes of an identifier; longer ones are cut with a notice, as in Postgres. */
  identifierBytesMax: 63,
  /** Parameters of one statement; the wire protocol counts them in 16 bits. */
  parametersMax: 65_535,
  /** Columns of a table or source, as in Postgres. */
  relationColumnsMax: 1_600,
  /** Uses of views in one statement, nested ones included. */
  viewsExpandedMax: 1_000,
  /** Queries inside queries, views included. */
  queryDepthMax: 100,
  /** Levels of one bound expression. */
  expressionDepthMax: 1_500,
  /** Parts of a predicate that is pushed down; it grows by what its columns stand for. */
  pushedNodesMax: 500,
  /** Parts of one bound expression, repeated operands counted as often as they occur. */
  expressionNodesMax: 1_000_000,
  /** Keys that one insert claims; one of more rows runs alone. */
  claimedKeysMax: 1_000,
  /** Keys of one lookup; more are read by a scan. */
  lookupKeysMax: 1_000,
  /** Lookups that the engine knows by number. */
  registeredLookupsMax: 1_000,
  /** Words of the records that one direct read may copy; more are read by the dataflow thread. */
  directReadWordsMax: 2 ** 16,
  /** Keys that are looked up in one pass. */
  lookupBatchKeysMax: 1_000,
  /** Time zones whose rules are kept. */
  zonesMax: 1_000,
  /** Years of one time zone whose rules are kept. */
  zoneYearsMax: 1_000,
  /** Characters of the text of one date, time or interval. */
  datetimeTextMax: 512,
  /** Compiled regular expressions and LIKE patterns that are kept. */
  regexCacheMax: 1_000,
  /** Rows that a program is interpreted for before it is compiled. */
  interpretedRowsMax: 1_000,
  /** UTF-16 units of a regular expression. */
  regexPatternMax: 64 * 1024,
  /** UTF-16 units of a text that a regular expression is matched against. */
  regexTextMax: 16 * 1024 * 1024,
  /** Bytes of a text, bytea, array or jsonb that a function makes. */
  functionResultBytesMax: 64 * 1024 * 1024,
} as const;
