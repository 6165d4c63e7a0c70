package bunstore

import (
	"testing"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/exporttest"
)

func TestKits(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		t.Run("store", func(t *testing.T) {
			exporttest.RunStore(t, func(t *testing.T) export.Store { return migrated(t, newAddress(t), Config{}) })
		})
		t.Run("keys", func(t *testing.T) {
			exporttest.RunKeyStore(t, func(t *testing.T) access.KeyStore { return migrated(t, newAddress(t), Config{}) })
		})
		t.Run("members", func(t *testing.T) {
			exporttest.RunMemberStore(t, func(t *testing.T) access.MemberStore { return migrated(t, newAddress(t), Config{}) })
		})
		t.Run("trail", func(t *testing.T) {
			exporttest.RunTrail(t, func(t *testing.T) audit.Trail { return migrated(t, newAddress(t), Config{}) })
		})
	})
}
