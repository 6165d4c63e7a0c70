package bunstore_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	"github.com/orgexport/orgexport/adapters/bunstore"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// An API key is made, and found again when a request comes with it.
func ExampleOpen() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "bunstore-*")
	check(err)
	defer func() { check(os.RemoveAll(dir)) }()

	store, err := bunstore.Open(ctx, "sqlite:"+filepath.Join(dir, "jobs.db"), bunstore.Config{})
	check(err)
	defer store.Close()
	check(store.Migrate(ctx))

	text, err := access.NewKeyText(access.Business, rand.Reader)
	check(err)
	now, err := store.Now(ctx)
	check(err)
	check(store.CreateKey(ctx, access.Key{
		ID: export.NewID(), Hash: access.Hash(text), CreatedAt: now, Name: "nightly",
		Kind: access.Business, OrganizationID: "aQUEktNMu3Fe65ax6FSWEb", Role: access.Manager,
	}))

	key, err := store.KeyByHash(ctx, access.Hash(text)) // text comes with a request
	check(err)
	fmt.Println(key.Name, key.OrganizationID, key.Active(now))
	// Output:
	// nightly aQUEktNMu3Fe65ax6FSWEb true
}

// A host keeps its own tables in the same database.
func ExampleNew() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "bunstore-*")
	check(err)
	defer func() { check(os.RemoveAll(dir)) }()

	file := "file:" + filepath.Join(dir, "host.db") + "?_busy_timeout=10000&_journal_mode=WAL&_txlock=immediate"
	db, err := sql.Open("sqlite", file)
	check(err)
	db.SetMaxOpenConns(1)
	host := bun.NewDB(db, sqlitedialect.New())
	defer host.Close()

	store, err := bunstore.New(host, bunstore.Config{TablePrefix: "export_"})
	check(err)
	check(store.Migrate(ctx))
	check(store.PutMember(ctx, access.Member{OrganizationID: "aQUEktNMu3Fe65ax6FSWEb", Subject: "zoe", Role: access.Owner}))

	var members int
	check(host.NewSelect().Table("export_members").ColumnExpr("count(*)").Scan(ctx, &members))
	fmt.Println(members)
	// Output:
	// 1
}
