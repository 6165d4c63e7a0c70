package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/orgexport/orgexport/internal/pgvalue"
)

// typeCache has the decoders of types that were asked for and cannot change: those that
// are built in. It is safe for concurrent use.
type typeCache struct {
	mu      sync.Mutex
	builtIn map[uint32]pgvalue.Decoder
}

// firstOwn is the first OID of what is not built in.
const firstOwn = 16384

func (c *typeCache) get(oid uint32) (pgvalue.Decoder, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, ok := c.builtIn[oid]
	return d, ok
}

func (c *typeCache) put(decoders map[uint32]pgvalue.Decoder) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.builtIn == nil {
		c.builtIn = make(map[uint32]pgvalue.Decoder)
	}
	maps.Copy(c.builtIn, decoders)
	maps.DeleteFunc(c.builtIn, func(oid uint32, _ pgvalue.Decoder) bool { return oid >= firstOwn })
}

// decoders returns the decoder of each field, which is nil for text and for simple types.
// It reports whether it has asked the server.
func (c *typeCache) decoders(ctx context.Context, conn *pgconn.PgConn, fields []pgconn.FieldDescription) (_ []pgvalue.Decoder, asked bool, err error) {
	decoders := make([]pgvalue.Decoder, len(fields))
	var unknown []string
	for i, f := range fields {
		if _, ok := simple(f.DataTypeOID); ok {
			continue
		}
		var known bool
		if decoders[i], known = c.get(f.DataTypeOID); !known {
			unknown = append(unknown, strconv.FormatUint(uint64(f.DataTypeOID), 10))
		}
	}
	if len(unknown) == 0 {
		return decoders, false, nil
	}
	found, err := ask(ctx, conn, unknown)
	if err != nil {
		return nil, true, fmt.Errorf("postgres: types of the columns: %w", err)
	}
	for i, f := range fields {
		if d, ok := found[f.DataTypeOID]; ok {
			decoders[i] = d
		}
	}
	c.put(found)
	return decoders, true, nil
}

// typesQuery asks for types and those that they are made of. Its operators are those of
// PostgreSQL, whatever a search_path has that somebody else may have made: they would run
// with the rights of the export. Names are in base64: they may be no UTF-8.
const typesQuery = `WITH RECURSIVE made (oid) AS (
	SELECT pg_catalog.unnest($1::pg_catalog.oid[])
	UNION
	SELECT part.oid FROM made JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) made.oid
	CROSS JOIN LATERAL (
		SELECT t.typelem UNION SELECT t.typbasetype
		UNION SELECT a.atttypid FROM pg_catalog.pg_attribute a
			WHERE a.attrelid OPERATOR(pg_catalog.=) t.typrelid AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped
	) part (oid) WHERE part.oid OPERATOR(pg_catalog.<>) 0
)
SELECT pg_catalog.row_to_json(x) FROM (
	SELECT t.oid::pg_catalog.int8 AS "OID", pg_catalog.encode(pg_catalog.namesend(t.typname), 'base64') AS "Name",
		t.typtype OPERATOR(pg_catalog.=) 'd' AS "Domain", t.typtype OPERATOR(pg_catalog.=) 'c' AS "Composite",
		(t.typcategory OPERATOR(pg_catalog.=) 'A' OR t.typname OPERATOR(pg_catalog.=) '_record') AND t.typlen OPERATOR(pg_catalog.=) -1
			AND t.typelem OPERATOR(pg_catalog.<>) 0 AS "Array",
		(SELECT p.proname OPERATOR(pg_catalog.=) 'hstore_in' FROM pg_catalog.pg_proc p WHERE p.oid OPERATOR(pg_catalog.=) t.typinput) AS "HStore",
		CASE WHEN t.typtype OPERATOR(pg_catalog.=) 'd' THEN t.typbasetype ELSE t.typelem END::pg_catalog.int8 AS "Of",
		(SELECT e.typdelim FROM pg_catalog.pg_type e WHERE e.oid OPERATOR(pg_catalog.=) t.typelem) AS "Between",
		(SELECT pg_catalog.array_agg(pg_catalog.encode(pg_catalog.namesend(a.attname), 'base64') ORDER BY a.attnum) FROM pg_catalog.pg_attribute a
			WHERE a.attrelid OPERATOR(pg_catalog.=) t.typrelid AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped) AS "Names",
		(SELECT pg_catalog.array_agg(a.atttypid::pg_catalog.int8 ORDER BY a.attnum) FROM pg_catalog.pg_attribute a
			WHERE a.attrelid OPERATOR(pg_catalog.=) t.typrelid AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped) AS "Attributes"
	FROM made JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) made.oid
) x`

// described is a type as typesQuery describes it.
type described struct {
	OID                              uint32
	Name                             []byte
	Domain, Composite, Array, HStore bool
	Of                               uint32 // the type below a domain or in an array
	Between                          string // two elements of the array
	Names                            [][]byte
	Attributes                       []uint32
}

// ask returns the decoders of types, which is nil for text.
func ask(ctx context.Context, conn *pgconn.PgConn, oids []string) (map[uint32]pgvalue.Decoder, error) {
	list := []byte("{" + strings.Join(oids, ",") + "}")
	result := conn.ExecParams(ctx, typesQuery, [][]byte{list}, nil, nil, nil).Read()
	if result.Err != nil {
		return nil, result.Err
	}
	m := maker{types: make(map[uint32]*described), made: make(map[uint32]pgvalue.Decoder)}
	for _, row := range result.Rows {
		t := new(described)
		if err := json.Unmarshal(row[0], t); err != nil {
			return nil, err
		}
		m.types[t.OID] = t
	}
	for oid := range m.types {
		m.decoder(oid)
	}
	return m.made, nil
}

// maker makes decoders.
type maker struct {
	types map[uint32]*described
	made  map[uint32]pgvalue.Decoder
}

func (m *maker) decoder(oid uint32) pgvalue.Decoder {
	if d, ok := m.made[oid]; ok {
		return d
	}
	t := m.types[oid]
	if t == nil {
		return nil
	}
	m.made[oid] = nil // if it were made of itself
	var d pgvalue.Decoder
	switch {
	case t.Domain:
		d = m.decoder(t.Of)
	case t.Array:
		d = pgvalue.Array(t.Between[0], m.decoder(t.Of))
	case t.Composite:
		names := make([]string, len(t.Attributes))
		parts := make([]pgvalue.Decoder, len(t.Attributes))
		for i, oid := range t.Attributes {
			names[i] = string(t.Names[i])
			parts[i] = m.decoder(oid)
		}
		d = pgvalue.Composite(names, parts)
	case t.HStore:
		d = pgvalue.HStore
	case oid >= firstOwn:
	default:
		d = pgvalue.BuiltIn(string(t.Name))
	}
	m.made[oid] = d
	return d
}
