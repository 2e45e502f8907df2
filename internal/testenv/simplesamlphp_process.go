package testenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// simpleSAMLphpStart bounds how long PHP may take to give its first answer.
const simpleSAMLphpStart = 20 * time.Second

// phpSupervisor runs the command of its arguments until descriptor 3 is
// closed. The test holds the other end, so that the command ends with the test
// however that ends; nothing has to be killed by name later.
const phpSupervisor = `"$@" 3<&- & server=$!
exec 2>/dev/null
{ read -r _ <&3; kill -KILL $server; } & guard=$!
wait $server; status=$?
kill $guard
exit $status`

func phpLookup() (string, error) { return exec.LookPath("php") }

// serve starts PHP's web server and returns where it answers.
func (idp *SimpleSAMLphpIdP) serve(t testing.TB, php string) *url.URL {
	t.Helper()
	var err error
	// Between our choice of a port and PHP's use of it another program may
	// take it.
	for range 3 {
		var backend *url.URL
		if backend, err = idp.tryServe(t, php); err == nil {
			return backend
		}
	}
	t.Fatalf("SimpleSAMLphp did not start: %v\n%s", err, idp.LogTail(40))
	return nil
}

func (idp *SimpleSAMLphpIdP) tryServe(t testing.TB, php string) (*url.URL, error) {
	address, err := phpFreeAddress()
	if err != nil {
		return nil, err
	}
	exited, stop, err := idp.startPHP(php, address)
	if err != nil {
		return nil, err
	}
	backend := &url.URL{Scheme: "http", Host: address}
	if err := idp.waitPHP(backend, exited); err != nil {
		stop()
		return nil, err
	}
	t.Cleanup(stop)
	return backend, nil
}

// startPHP starts the server under its supervisor. exited yields the error
// with which it ended by itself; stop ends it and returns when it is gone.
func (idp *SimpleSAMLphpIdP) startPHP(php, address string) (exited <-chan error, stop func(), err error) {
	log, err := os.OpenFile(filepath.Join(idp.dir, "log", "php.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	defer log.Close()
	guarded, guard, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer guarded.Close()

	cmd := exec.Command("sh", "-c", phpSupervisor, "sh", php,
		"-d", "display_errors=0", "-d", "log_errors=1", "-d", "opcache.enable_cli=1",
		"-S", address, "-t", filepath.Join(idp.dir, "www"))
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"),
		"TMPDIR=" + filepath.Join(idp.dir, "temp"),
		"SIMPLESAMLPHP_CONFIG_DIR=" + filepath.Join(idp.dir, "config"),
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{guarded}
	if err := cmd.Start(); err != nil {
		guard.Close()
		return nil, nil, err
	}
	done := make(chan error, 1)
	gone := make(chan struct{})
	go func() {
		done <- cmd.Wait()
		close(gone)
	}()
	return done, func() { guard.Close(); <-gone }, nil
}

// waitPHP returns when the Identity Provider gives out its metadata.
func (idp *SimpleSAMLphpIdP) waitPHP(backend *url.URL, exited <-chan error) error {
	ctx, cancel := context.WithTimeout(context.Background(), simpleSAMLphpStart)
	defer cancel()
	probe := backend.JoinPath("simplesaml/saml2/idp/metadata.php").String()
	for {
		err := phpProbe(ctx, probe)
		if err == nil {
			return nil
		}
		select {
		case status := <-exited:
			return fmt.Errorf("PHP's web server ended: %v", status)
		case <-ctx.Done():
			return fmt.Errorf("no answer after %s: %w", simpleSAMLphpStart, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func phpProbe(ctx context.Context, probe string) error {
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

func phpFreeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
