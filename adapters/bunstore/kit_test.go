package bunstore

import (
	"fmt"
	"testing"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/access/accesstest"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/audit/audittest"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
)

// TestKits has one database for each kit; each of its subtests has tables of its
// own.
func TestKits(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		t.Run("store", func(t *testing.T) {
			fresh := stores(newAddress(t))
			jobstest.RunStore(t, func(t *testing.T) jobs.Store { return fresh(t) })
		})
		t.Run("keys", func(t *testing.T) {
			fresh := stores(newAddress(t))
			accesstest.RunKeyStore(t, func(t *testing.T) access.KeyStore { return fresh(t) })
		})
		t.Run("keys by id", func(t *testing.T) {
			fresh := stores(newAddress(t))
			accesstest.RunKeyFinder(t, func(t *testing.T) access.KeyStore { return fresh(t) })
		})
		t.Run("members", func(t *testing.T) {
			fresh := stores(newAddress(t))
			accesstest.RunMemberStore(t, func(t *testing.T) access.MemberStore { return fresh(t) })
		})
		t.Run("sessions", func(t *testing.T) {
			fresh := stores(newAddress(t))
			accesstest.RunSessionStore(t, func(t *testing.T) access.SessionStore { return fresh(t) })
		})
		t.Run("counter", func(t *testing.T) {
			fresh := stores(newAddress(t))
			accesstest.RunCounter(t, func(t *testing.T) access.Counter { return fresh(t) })
		})
		t.Run("trail", func(t *testing.T) {
			fresh := stores(newAddress(t))
			audittest.RunLog(t, func(t *testing.T) audit.Log { return fresh(t) })
		})
	})
}

func stores(address string) func(t *testing.T) *Store {
	n := 0
	return func(t *testing.T) *Store {
		n++
		return migrated(t, address, Config{TablePrefix: fmt.Sprintf("t%d_", n)})
	}
}
