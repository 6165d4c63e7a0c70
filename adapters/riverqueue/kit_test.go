package riverqueue_test

import (
	"testing"

	"github.com/orgexport/orgexport/adapters/riverqueue"
	"github.com/orgexport/orgexport/export/exporttest"
)

func TestDispatcherKit(t *testing.T) {
	exporttest.RunDispatcher(t, func(t *testing.T) exporttest.Worked {
		q, _ := migrated(t, riverqueue.Config{Workers: 4})
		return exporttest.Worked{Dispatcher: q, Run: q.Run}
	})
}
