-- The demo's pipeline: orders and payments from Kafka, kept joined and summed up while they change.
-- The demo fills in the broker's address for :broker.

CREATE CONNECTION kafka TO KAFKA (BROKER ':broker');

-- Orders change: the newest value of a key counts, and a NULL value takes the order away.
CREATE SOURCE orders (
    order_id   int8,
    customer   text,
    region     text,
    status     text,
    amount     numeric(12, 2),
    placed_at  timestamptz
  ) FROM KAFKA CONNECTION kafka (TOPIC 'orders')
  KEY FORMAT TEXT VALUE FORMAT JSON
  ENVELOPE UPSERT;

-- Payments are events: each one counts once, however late it comes.
CREATE SOURCE payments (
    payment_id int8,
    order_id   int8,
    paid       numeric(12, 2),
    method     text,
    paid_at    timestamptz
  ) FROM KAFKA CONNECTION kafka (TOPIC 'payments')
  FORMAT JSON;

-- What each region ordered, what has been paid of it, and what is still open.
CREATE MATERIALIZED VIEW revenue AS
  SELECT o.region,
         count(*)                              AS orders,
         sum(o.amount)                         AS ordered,
         coalesce(sum(p.paid), 0)              AS paid,
         sum(o.amount) - coalesce(sum(p.paid), 0) AS open
  FROM orders o
  LEFT JOIN (SELECT order_id, sum(paid) AS paid FROM payments GROUP BY order_id) p
    ON p.order_id = o.order_id
  WHERE o.status <> 'cancelled'
  GROUP BY o.region;

CREATE INDEX revenue_region ON revenue (region);

-- The five customers who bought most.
CREATE MATERIALIZED VIEW top_customers AS
  SELECT customer, count(*) AS orders, sum(amount) AS spent
  FROM orders
  WHERE status <> 'cancelled'
  GROUP BY customer
  ORDER BY spent DESC, customer
  LIMIT 5;
