package main

import "testing"

func TestExitCodeIsTheCommands(t *testing.T) {
	for command, want := range map[string]int{
		`test -n "$SALLYPORT_TEST_POSTGRES"`: 0,
		`exit 7`:                             7,
		`kill -9 $$`:                         1,
	} {
		if code, err := run([]string{"/bin/sh", "-c", command}); code != want || err != nil {
			t.Errorf("%s: %d, %v", command, code, err)
		}
	}
	if code, err := run([]string{"/no/such/command"}); code != 127 || err == nil {
		t.Errorf("no command: %d, %v", code, err)
	}
}
