package testenv

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

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
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	process, err := idp.startPHP(php, address)
	if err != nil {
		return nil, err
	}
	backend := &url.URL{Scheme: "http", Host: address}
	if err := process.waitAnswer(backend.JoinPath("simplesaml/saml2/idp/metadata.php").String()); err != nil {
		process.Stop()
		return nil, err
	}
	t.Cleanup(process.Stop)
	return backend, nil
}

func (idp *SimpleSAMLphpIdP) startPHP(php, address string) (*Process, error) {
	log, err := os.OpenFile(filepath.Join(idp.dir, "log", "php.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(php,
		"-d", "display_errors=0", "-d", "log_errors=1", "-d", "opcache.enable_cli=1",
		"-S", address, "-t", filepath.Join(idp.dir, "www"))
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"),
		"TMPDIR=" + filepath.Join(idp.dir, "temp"),
		"SIMPLESAMLPHP_CONFIG_DIR=" + filepath.Join(idp.dir, "config"),
	}
	cmd.Stdout, cmd.Stderr = log, log
	return StartProcess(cmd)
}
