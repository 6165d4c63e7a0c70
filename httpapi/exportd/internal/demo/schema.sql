CREATE TABLE organizations (
  id TEXT PRIMARY KEY, slug TEXT NOT NULL UNIQUE, name TEXT NOT NULL, website TEXT, created_at DATETIME
);
CREATE TABLE members (
  id TEXT PRIMARY KEY, organization_id TEXT NOT NULL, name TEXT, email TEXT, role TEXT, joined_on DATE
);
CREATE TABLE products (
  id TEXT PRIMARY KEY, organization_id TEXT NOT NULL, sku TEXT, name TEXT, description TEXT,
  price DECIMAL(10, 2), currency TEXT, weight_kg DECIMAL(8, 3), tags TEXT, active BOOLEAN, available_from DATE
);
CREATE TABLE offers (
  id TEXT PRIMARY KEY, organization_id TEXT NOT NULL, product_id TEXT NOT NULL, shop TEXT,
  price DECIMAL(10, 2), valid_from DATE, valid_until DATE
);
CREATE TABLE assets (
  id INTEGER PRIMARY KEY, organization_id TEXT NOT NULL, product_id TEXT NOT NULL, file TEXT NOT NULL
);
