package accesstest

import (
	"testing"
	"testing/synctest"

	"github.com/orgexport/orgexport/export/access"
)

// TestMemCounterInBubble has a fake clock, by which windows end.
func TestMemCounterInBubble(t *testing.T) {
	for _, p := range counterPromises {
		t.Run(p.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { p.Test(t, new(access.MemCounter)) })
		})
	}
}
