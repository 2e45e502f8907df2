package testenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"
)

// processStart bounds how long a server may take to give its first answer.
const processStart = 60 * time.Second

// processGuard runs the command of its arguments until descriptor 3 is closed.
// The test holds the other end, so that the command ends with the test however
// that ends; nothing has to be killed by name later.
const processGuard = `"$@" 3<&- & server=$!
exec 2>/dev/null
{ read -r _ <&3; kill -KILL $server; } & guard=$!
wait $server; status=$?
kill $guard
exit $status`

// A Process is a program that ends with the test process, however that ends.
type Process struct {
	// Exited yields the error with which the program ended by itself.
	Exited <-chan error

	guard *os.File
	gone  chan struct{}
}

// StartProcess starts cmd, whose path, arguments, directory, environment and
// output are set, under a guard that ends it with this process. It has no
// standard input.
func StartProcess(cmd *exec.Cmd) (*Process, error) {
	guarded, guard, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer guarded.Close()
	shell := exec.Command("sh", append([]string{"-c", processGuard, "sh", cmd.Path}, cmd.Args[1:]...)...)
	shell.Dir, shell.Env, shell.Stdout, shell.Stderr = cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr
	shell.ExtraFiles = []*os.File{guarded}
	if err := errors.Join(cmd.Err, shell.Start()); err != nil {
		guard.Close()
		return nil, err
	}
	exited := make(chan error, 1)
	p := &Process{Exited: exited, guard: guard, gone: make(chan struct{})}
	go func() {
		exited <- shell.Wait()
		close(p.gone)
	}()
	return p, nil
}

// Stop ends the program and returns when it is gone.
func (p *Process) Stop() {
	p.guard.Close()
	<-p.gone
}

// waitAnswer returns when the program answers a GET of probe with 200.
func (p *Process) waitAnswer(probe string) error {
	ctx, cancel := context.WithTimeout(context.Background(), processStart)
	defer cancel()
	for {
		err := processProbe(ctx, probe)
		if err == nil {
			return nil
		}
		select {
		case status := <-p.Exited:
			return fmt.Errorf("the process ended: %v", status)
		case <-ctx.Done():
			return fmt.Errorf("no answer after %s: %w", processStart, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func processProbe(ctx context.Context, probe string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, probe, nil)
	if err != nil {
		return err
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}

// freeAddress returns an address of loopback that nobody listens on. Another
// program may take it before it is used.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
