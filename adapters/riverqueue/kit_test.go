package riverqueue_test

import (
	"testing"

	"github.com/orgexport/orgexport/adapters/riverqueue"
	"github.com/orgexport/orgexport/export/exporttest"
)

func TestDispatcherKit(t *testing.T) {
	exporttest.RunDispatcher(t, func(t *testing.T) exporttest.Worked {
		q, address := migrated(t, riverqueue.Config{Workers: 4})
		other := newQueue(t, address, riverqueue.Config{}) // as another process
		return exporttest.Worked{Dispatcher: q, Run: q.Run, Listen: other.Listen}
	})
}
