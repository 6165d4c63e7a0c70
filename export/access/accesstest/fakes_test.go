package accesstest_test

import (
	"testing"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/access/accesstest"
)

func TestMemKeys(t *testing.T) {
	accesstest.RunKeyStore(t, func(*testing.T) access.KeyStore { return new(accesstest.MemKeys) })
}

func TestMemKeysFind(t *testing.T) {
	accesstest.RunKeyFinder(t, func(*testing.T) access.KeyStore { return new(accesstest.MemKeys) })
}

func TestMemMembers(t *testing.T) {
	accesstest.RunMemberStore(t, func(*testing.T) access.MemberStore { return new(accesstest.MemMembers) })
}

func TestMemSessions(t *testing.T) {
	accesstest.RunSessionStore(t, func(*testing.T) access.SessionStore { return new(accesstest.MemSessions) })
}

func TestMemCounter(t *testing.T) {
	accesstest.RunCounter(t, func(*testing.T) access.Counter { return new(access.MemCounter) })
}
