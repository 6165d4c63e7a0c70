package wire_test

import (
	"testing"

	"github.com/orgexport/orgexport/adapters/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
