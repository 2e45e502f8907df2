package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// sallyport is the running server.
type sallyport struct {
	base, token string
	cmd         *exec.Cmd
	ended       chan error
}

// startSallyport starts the binary on an empty database, with more flags of serve.
func startSallyport(ctx context.Context, binary, dir string, p ports, more ...string) (*sallyport, error) {
	database := "sqlite:" + filepath.Join(dir, "sallyport.db")
	out, err := exec.CommandContext(ctx, binary, "init", "--database", database).Output()
	if err != nil {
		return nil, fmt.Errorf("%s init: %w%s", binary, err, stderrOf(err))
	}
	s := &sallyport{base: "http://localhost:" + p.public, token: strings.TrimSpace(string(out)), ended: make(chan error, 1)}
	// Not bound to the context: it is asked to end, and waited for.
	s.cmd = exec.Command(binary, append([]string{"serve", "--database", database, "--base-url", s.base,
		"--listen", "127.0.0.1:" + p.public, "--admin-listen", "127.0.0.1:" + p.admin, "--log-level", "warn"}, more...)...)
	s.cmd.Stderr = os.Stderr
	// Ctrl-C reaches the whole group; the demo ends the server itself.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { s.ended <- s.cmd.Wait() }()
	if err := s.ready(ctx, "http://127.0.0.1:"+p.admin+"/readyz"); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func stderrOf(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "\n" + string(exit.Stderr)
	}
	return ""
}

// ready waits until the server takes requests.
func (s *sallyport) ready(ctx context.Context, url string) error {
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); {
		select {
		case <-s.ended:
			s.ended <- nil
			return errors.New("sallyport did not start; its reasons stand above")
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
		res, err := http.Get(url)
		if err != nil {
			continue
		}
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return nil
		}
	}
	return errors.New("sallyport did not become ready within 15 seconds")
}

// wait returns when somebody ends the demo, or the server ends by itself.
func (s *sallyport) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		fmt.Println("\nStopped. The folder of the demo is removed.")
		return nil
	case err := <-s.ended:
		return fmt.Errorf("sallyport ended: %w", err)
	}
}

// stop asks the server to end, and waits for it.
func (s *sallyport) stop() {
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(20 * time.Second):
		s.cmd.Process.Kill()
	}
}

// call calls the API and returns the answer's fields.
func (s *sallyport) call(ctx context.Context, method, path string, body any) (map[string]any, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, s.base+"/api/v1"+path, bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode >= 300 {
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, res.Status, answer)
	}
	var fields map[string]any
	return fields, json.Unmarshal(answer, &fields)
}
