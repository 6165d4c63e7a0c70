-- A small made-up shop with two organizations, and an empty database for jobs.
-- PostgreSQL runs this once, when its volume is new.
CREATE TABLE organizations (id TEXT PRIMARY KEY, slug TEXT NOT NULL UNIQUE, name TEXT NOT NULL);
CREATE TABLE products (
  id TEXT PRIMARY KEY, organization_id TEXT NOT NULL REFERENCES organizations, name TEXT NOT NULL, price NUMERIC(10, 2) NOT NULL
);
CREATE TABLE orders (
  id INTEGER PRIMARY KEY, organization_id TEXT NOT NULL REFERENCES organizations, product_id TEXT NOT NULL REFERENCES products,
  quantity INTEGER NOT NULL, ordered_on DATE NOT NULL
);

INSERT INTO organizations VALUES
  ('kTwSnJcgYWjgqjShA4YEaV', 'acme-foods', 'Acme Foods'),
  ('2LRUDfEgQDPQUuGN2svJix', 'bolt-hardware', 'Bolt Hardware');
INSERT INTO products
  SELECT slug || '-' || n, id, 'Product ' || n || ' of ' || name, n * 1.25
  FROM organizations, generate_series(1, 100) AS n;
INSERT INTO orders
  SELECT n, organization_id, id, n % 7 + 1, DATE '2026-01-01' + n % 365
  FROM generate_series(1, 10000) AS n
  JOIN (SELECT id, organization_id, row_number() OVER (ORDER BY id) AS i FROM products) AS p ON p.i = n % 200 + 1;

-- What makes a section of this small shop take as long as one of a large shop.
CREATE FUNCTION slowly() RETURNS TEXT LANGUAGE plpgsql STABLE AS $$ BEGIN PERFORM pg_sleep(5); RETURN ''; END $$;

-- exportd may read the shop, and owns the database of jobs.
\getenv password POSTGRES_PASSWORD
CREATE ROLE exportd LOGIN PASSWORD :'password';
GRANT SELECT ON ALL TABLES IN SCHEMA public TO exportd;
CREATE DATABASE exports OWNER exportd;
