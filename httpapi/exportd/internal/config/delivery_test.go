package config_test

import (
	"strings"
	"testing"
)

// TestDelivery: links lead to a bucket, unless they are to lead to the server.
func TestDelivery(t *testing.T) {
	for _, c := range []struct {
		more      string
		presigned bool
	}{
		{"", false},
		{"archives: {store: 's3://acme/p'}\n", true},
		{"archives: {store: 's3://acme/p'}\nlinks: {delivery: presigned}\n", true},
		{"links: {delivery: proxied, bound: true}\narchives: {store: 's3://acme/p'}\n", false},
	} {
		got, dir, err := load(t, head+"sections:\n- key: a\n  records:\n  - {file: a.csv, sql: 'SELECT :organization_id'}\n"+c.more)
		if err != nil {
			t.Fatal(err)
		}
		bucket := strings.Contains(c.more, "s3://")
		if got.Links.Presigned != c.presigned || (got.Archives.Folder.Value == "") != bucket || (got.Archives.Bucket.Value == "s3://acme/p") != bucket {
			t.Errorf("%q in %s: links %+v, archives %+v", c.more, dir, got.Links, got.Archives)
		}
	}
}
