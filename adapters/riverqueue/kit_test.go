package riverqueue_test

import (
	"testing"

	"github.com/orgexport/orgexport/adapters/riverqueue"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
)

func TestDispatcherKit(t *testing.T) {
	jobstest.RunDispatcher(t, func(t *testing.T) jobstest.Worked {
		q, address := migrated(t, riverqueue.Config{Workers: 4})
		other := newQueue(t, address, riverqueue.Config{}) // as another process
		return jobstest.Worked{Dispatcher: q, Run: q.Run, Listen: other.Listen}
	})
}
