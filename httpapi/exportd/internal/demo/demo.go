// Package demo makes the catalogue of a product that does not exist: a SQLite
// database and a folder of images, for the configuration that config.Starter
// is. It is the same catalogue each time.
package demo

import (
	"context"
	"crypto/sha256"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the driver's name is sqlite

	"github.com/orgexport/orgexport/export"
)

//go:embed schema.sql
var schema string

// OrganizationID returns the id of Acme Foods, the organization to export. The
// catalogue has another one, whose data must not come out.
func OrganizationID() string { return id("organization acme-foods") }

// id makes a short id that is the same each time.
func id(of string) string {
	sum := sha256.Sum256([]byte(of))
	return export.EncodeID([16]byte(sum[:16]))
}

// Make makes catalog.db and the folder files in a folder.
func Make(ctx context.Context, dir string) (err error) {
	path, err := filepath.Abs(filepath.Join(dir, "catalog.db"))
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // SQLite would let others read it
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		return err
	}
	name := url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(filepath.ToSlash(path), "/")}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	m := &maker{ctx: ctx, tx: tx, files: filepath.Join(dir, "files")}
	m.exec(schema)
	m.organization("acme-foods", "Acme Foods", products())
	m.organization("globex-tools", "Globex Tools", []product{{name: "Hammer", price: 19.5, description: "Not for eating."}})
	if m.err != nil {
		return errors.Join(m.err, tx.Rollback())
	}
	return tx.Commit()
}

// File is the path of the configuration file of a catalogue that is kept in a folder.
func File(dir string) string { return filepath.Join(dir, "demo", "exportd.yaml") }

// Config is [File]; if there is none, the catalogue is made.
func Config(ctx context.Context, dir, configuration string) (string, error) {
	file := File(dir)
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return file, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	made, err := os.MkdirTemp(dir, ".demo-*")
	if err != nil {
		return "", err
	}
	if err = Make(ctx, made); err == nil {
		err = os.WriteFile(filepath.Join(made, "exportd.yaml"), []byte(configuration), 0o600)
	}
	if err == nil {
		err = os.Rename(made, filepath.Dir(file))
	}
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(made))
	}
	return file, nil
}

// maker fills the catalogue. After an error it does nothing.
type maker struct {
	ctx    context.Context // of Make, which it does not outlive
	tx     *sql.Tx
	files  string // folder of the assets
	assets int
	err    error
}

func (m *maker) exec(query string, args ...any) {
	if m.err == nil {
		_, m.err = m.tx.ExecContext(m.ctx, query, args...)
	}
}

func (m *maker) organization(slug, name string, products []product) {
	organization := id("organization " + slug)
	if err := os.MkdirAll(filepath.Join(m.files, organization), 0o700); err != nil && m.err == nil {
		m.err = err
	}
	m.exec("INSERT INTO organizations VALUES (?, ?, ?, ?, ?)",
		organization, slug, name, "https://"+slug+".example", "2021-03-04 05:06:07")
	for i, member := range []struct{ name, role string }{
		{"Zoë Ångström", "owner"}, {"José Núñez", "manager"}, {"Nguyễn Thị Hoa", "member"},
		{"李雷", "member"}, {"Siobhán O'Brien", "member"}, {"Łukasz Żak", "member"},
	} {
		email := fmt.Sprintf("%s%d@%s.example", member.role, i+1, slug)
		m.exec("INSERT INTO members VALUES (?, ?, ?, ?, ?, ?)",
			id("member "+email), organization, member.name, email, member.role, fmt.Sprintf("2022-%02d-15", i+1))
	}
	for i, p := range products {
		m.product(organization, i, p)
	}
}

// product adds a product with two offers and two images.
func (m *maker) product(organization string, i int, p product) {
	key := id("product " + organization + p.name)
	sku := fmt.Sprintf("AF-%04d", i+1)
	m.exec("INSERT INTO products VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", key, organization, sku, p.name, p.description,
		p.price, "EUR", p.weight, p.tags, i%7 != 0, fmt.Sprintf("2025-%02d-%02d", i%12+1, i%28+1))
	for n, shop := range []string{"Corner Café", "Smörgås & Co."} {
		m.exec("INSERT INTO offers VALUES (?, ?, ?, ?, ?, ?, ?)", id(fmt.Sprint("offer ", n, key)), organization, key, shop,
			float64(int(p.price*100)-5*(i+n)%40)/100, "2026-06-01", "2026-06-30")
	}
	for n, side := range []string{"front", "back"} {
		m.assets++
		file := strings.ToLower(sku) + "-" + side + ".png"
		m.exec("INSERT INTO assets VALUES (?, ?, ?, ?)", m.assets, organization, key, file)
		if m.err == nil {
			m.err = os.WriteFile(filepath.Join(m.files, organization, file), picture(2*i+n, n == 0), 0o600)
		}
	}
}
