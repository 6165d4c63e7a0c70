package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"os"

	"github.com/jackc/pgx/v5"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sections/postgres"
)

// The URL of the database in which a table is made comes by this variable of the environment,
// to the processes of measurements, too.
const postgresVariable = "BENCHMARKS_POSTGRES"

// table has the rows that are exported from PostgreSQL.
const table = "orgexport_benchmark_products"

// rowsOfTable is how many rows there are for each MiB of the mix: a million for 256 MiB.
const rowsOfTable = 1_000_000 / 256

// products is a table of twelve columns. Its folder is empty.
var products = dataset{"products", func(folder string, s sizes) error {
	return errors.Join(os.MkdirAll(folder, 0o755), fillTable(context.Background(), int(s.bytes>>20)*rowsOfTable))
}}

// noPostgres says why nothing of PostgreSQL is measured, if it is not.
func noPostgres() string {
	if os.Getenv(postgresVariable) == "" {
		return "no database was given by --postgres"
	}
	return ""
}

// postgresContest exports the table.
func postgresContest() contest {
	needs := func(c contestant) contestant {
		c.missing = noPostgres()
		return c
	}
	const psql = `psql "$` + postgresVariable + `" -qAtc "COPY `
	return contest{
		title: "A table of PostgreSQL", data: products,
		ours: []contestant{
			needs(goPeer("orgexport tar.gz, PostgreSQL", exportTable, `test $(tar -xzf "$OUT" -O --wildcards '*/products.ndjson' | wc -l) -gt 0`)),
		},
		others: []contestant{
			needs(tool("psql COPY (row_to_json) | pigz -6 -p2", psql+`(SELECT row_to_json(t) FROM `+table+` t ORDER BY id) TO STDOUT" | pigz -6 -p2 > "$OUT"`,
				`pigz -t "$OUT"`, "psql", "pigz")),
			needs(tool("pg_dump -Fc -Z6", `pg_dump "$`+postgresVariable+`" -Fc -Z6 -t `+table+` -f "$OUT"`, `pg_restore -l "$OUT" > /dev/null`, "pg_dump", "pg_restore")),
			needs(tool("pg_dump -Fd -j2", `pg_dump "$`+postgresVariable+`" -Fd -j2 -t `+table+` -f "$OUT.d" && tar -cf "$OUT" -C "$OUT.d" . && rm -r "$OUT.d"`,
				`tar -tf "$OUT" > /dev/null`, "pg_dump", "tar")),
		},
	}
}

// rowsContest only reads and encodes the rows.
func rowsContest() contest {
	ours, binary := goPeer("orgexport rows to NDJSON, nothing packed", encodeTable, ""),
		tool("psql COPY binary to nowhere", `psql "$`+postgresVariable+`" -qAtc "COPY (SELECT * FROM `+table+` ORDER BY id) TO STDOUT (FORMAT binary)" > /dev/null`, "", "psql")
	ours.missing, binary.missing = noPostgres(), noPostgres()
	return contest{title: "Rows of PostgreSQL, nothing packed", data: products, ours: []contestant{ours}, others: []contestant{binary}}
}

// exportTable exports the table as one file of NDJSON.
func exportTable(ctx context.Context, _, out string) error {
	return withTable(func(section export.Section) error { return exportTo(ctx, out, archive.TarGz(), 6, section) })
}

// encodeTable reads the table and encodes it as NDJSON.
func encodeTable(ctx context.Context, _, _ string) error {
	return withTable(func(section export.Section) error { return section.Export(ctx, export.Scope{}, nowhere{}) })
}

// withTable calls use with a section of the table.
func withTable(use func(export.Section) error) (err error) {
	source, err := postgres.Open(os.Getenv(postgresVariable), "benchmarks")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	section, err := sections.NewSQL(sections.SQL{
		Key: "products", Source: source, Dialect: sections.Postgres,
		Files: []sections.RecordFile{{File: "products.ndjson", SQL: "SELECT * FROM " + table + " ORDER BY id", Shared: true}},
	})
	if err != nil {
		return err
	}
	return use(section)
}

// nowhere is a sink that encodes files of records, and forgets them.
type nowhere struct{ export.Sink }

// Records implements [export.Sink].
func (nowhere) Records(name string, seq iter.Seq2[any, error]) error {
	var failed error
	file := record.NewFile(name, record.NDJSON, seq, record.Options{}, func(_ string, err error) { failed = err })
	defer file.Close()
	_, err := io.Copy(io.Discard, file)
	return errors.Join(err, file.Err(), failed)
}

// fillTable makes the table anew.
func fillTable(ctx context.Context, n int) (err error) {
	db, err := pgx.Connect(ctx, os.Getenv(postgresVariable))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close(ctx)) }()
	for _, statement := range []string{
		"DROP TABLE IF EXISTS " + table,
		"CREATE TABLE " + table + ` (id bigint PRIMARY KEY, key uuid, sku text, name text, description text, category text, price numeric(10,2), stock integer,
			active boolean, created_at timestamptz, updated_at timestamptz, attributes jsonb)`,
	} {
		if _, err := db.Exec(ctx, statement); err != nil {
			return err
		}
	}
	columns := []string{"id", "key", "sku", "name", "description", "category", "price", "stock", "active", "created_at", "updated_at", "attributes"}
	next := tableRows()
	if _, err := db.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromSlice(n, func(int) ([]any, error) { return next(), nil })); err != nil {
		return err
	}
	_, err = db.Exec(ctx, "VACUUM ANALYZE "+table)
	return err
}

// tableRows returns what makes the rows of the table.
func tableRows() func() []any {
	r := random(9)
	sentence := words(r)
	text := func(n int) string { return string(sentence(nil, n)) }
	id := int64(0)
	instant := func() string {
		return fmt.Sprintf("2026-%02d-%02d %02d:%02d:%02d.%06d+00", 1+r.IntN(10), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1_000_000))
	}
	return func() []any {
		id++
		return []any{
			id, key(r), fmt.Sprintf("%08X-%02d", r.Uint32(), r.IntN(100)), text(2 + r.IntN(5)), text(30 + r.IntN(50)), text(2),
			fmt.Sprintf("%d.%02d", r.IntN(1000), r.IntN(100)), int32(r.IntN(500)), r.IntN(4) > 0, instant(), instant(),
			fmt.Sprintf(`{"color": "%s", "sizes": [%d, %d], "weight": %.3f}`, text(1), r.IntN(50), r.IntN(50), r.Float64()*50),
		}
	}
}

func key(r *rand.Rand) string {
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", r.Uint32(), r.Uint32()>>16, r.Uint32()>>20, r.Uint32()>>20, r.Uint64()>>16)
}
