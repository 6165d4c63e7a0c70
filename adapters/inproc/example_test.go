package inproc_test

import (
	"context"
	"fmt"

	"github.com/orgexport/orgexport/adapters/inproc"
	"github.com/orgexport/orgexport/export/jobs"
)

// A queue runs the tasks of a service in this process. [jobs.Service.Run] calls Run
// for it.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	queue := inproc.New(inproc.Config{Workers: 1})

	// The service does this for every job, and the reaper for those left over.
	for _, job := range []string{"first", "second", "first"} {
		if err := queue.Dispatch(ctx, jobs.Task{Kind: jobs.TaskExport, JobID: job}); err != nil {
			panic(err)
		}
	}

	// The service's own is [jobs.Service.Work].
	work := func(_ context.Context, task jobs.Task) error {
		fmt.Println(task.Kind, task.JobID)
		if task.JobID == "second" {
			stop() // as a signal does
		}
		return nil
	}
	if err := queue.Run(ctx, work); err != nil {
		panic(err)
	}
	// Output:
	// export first
	// export second
}
