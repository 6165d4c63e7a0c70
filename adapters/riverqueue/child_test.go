package riverqueue_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/internal/pgtest"
)

// The environment of a child: the database and the folder that it shares with the
// test.
const (
	childAddress = "RIVERQUEUE_TEST_ADDRESS"
	childFolder  = "RIVERQUEUE_TEST_FOLDER"
)

// child is a worker process that says "working" when it has come to the middle of
// a job, and nothing after that.
func child(address, folder string) {
	ctx := context.Background()
	err := func() error {
		n, err := newNode(ctx, address, folder, "child", func(context.Context) error {
			fmt.Println("working")
			select {} // until the process is killed
		})
		if err != nil {
			return err
		}
		go n.service.Maintain(ctx)
		return n.queue.Run(ctx, n.service.Work)
	}()
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// TestKilledWorker kills a worker in the middle of a job.
func TestKilledWorker(t *testing.T) {
	t.Parallel()
	address := pgtest.Database(t)
	folder := t.TempDir()
	began := make(chan bool, 10)
	n := openNode(t, address, folder, "parent", func(context.Context) error {
		began <- true
		return nil
	})
	job := n.create(t)

	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childAddress+"="+address, childFolder+"="+folder)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if line != "working\n" {
		t.Fatalf("the child says %q, %v", line, err)
	}
	stop := n.run(t)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // says that it was killed
	receive(t, began, "the job on another worker")
	done := n.wait(t, job.ID)
	if done.Status != jobs.Completed || done.Failures != 1 || done.Attempt != 2 {
		t.Errorf("the job ended as %s after %d attempts and %d failures", done.Status, done.Attempt, done.Failures)
	}
	if err := stop(nil); err != nil {
		t.Error(err)
	}
	if rows := number(t, n.store.DB().DB, countRows+" WHERE state <> 'completed'"); rows != 0 {
		t.Errorf("%d rows of River's are left", rows)
	}
}
