package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// run runs the program and returns how it ended and what it wrote.
func run(t *testing.T, args ...string) (code int, out, wrong string) {
	t.Helper()
	var o, e strings.Builder
	code = Run(t.Context(), Streams{strings.NewReader(""), &o, &e, nil}, args)
	return code, o.String(), e.String()
}

// commands goes through every command, with its arguments on the line.
func commands(f func(cmd *cobra.Command, path []string)) {
	var walk func(cmd *cobra.Command, path []string)
	walk = func(cmd *cobra.Command, path []string) {
		f(cmd, path)
		for _, sub := range cmd.Commands() {
			walk(sub, append(path[:len(path):len(path)], sub.Name()))
		}
	}
	walk((&cli{}).root(), nil)
}

func TestEveryCommandHelps(t *testing.T) {
	n := 0
	commands(func(cmd *cobra.Command, path []string) {
		n++
		for _, help := range [][]string{append(path, "--help"), append(path, "-h"), append([]string{"help"}, path...)} {
			code, out, wrong := run(t, help...)
			if code != exitDone || wrong != "" || !strings.Contains(out, "Usage:\n") || !strings.Contains(out, "sallyport "+strings.Join(path, " ")) {
				t.Errorf("%v: %d %s %s", help, code, out, wrong)
			}
		}
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%v is explained by %q", path, cmd.Short)
		}
	})
	if n < 40 {
		t.Errorf("%d commands", n)
	}
}

func TestWrongUsageEndsWithTwo(t *testing.T) {
	commands(func(cmd *cobra.Command, path []string) {
		wrong := [][]string{append(path, "--no-such-flag"), append(path, "too", "many", "arguments", "for", "it")}
		if cmd.HasSubCommands() {
			wrong = append(wrong, path, append(path, "no-such-command"))
		} else if strings.Contains(cmd.Use, " ") && !strings.Contains(cmd.Use, " [") {
			wrong = append(wrong, path) // its arguments are missing
		}
		for _, args := range wrong {
			code, out, text := run(t, args...)
			if code != exitUsage || out != "" || strings.Count(text, "\n") != 1 || !strings.HasPrefix(text, "sallyport: ") {
				t.Errorf("%v: %d %q %q", args, code, out, text)
			}
		}
	})
}

func TestServeHelpNamesEverySetting(t *testing.T) {
	_, out, _ := run(t, "serve", "--help")
	for _, want := range []string{"--listen string", "[SALLYPORT_LISTEN]", "--insecure-http", "[SALLYPORT_TRUSTED_PROXIES]", `(default "127.0.0.1:8400")`, "YAML file"} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is not in\n%s", want, out)
		}
	}
}

func TestServeTellsAllThatIsWrong(t *testing.T) {
	code, out, wrong := run(t, "serve", "--listen", "x", "--log-level", "loud", "--insecure-http=maybe")
	if code != exitFailed || out != "" || strings.Count(wrong, "\n") != 3 || strings.Count(wrong, "sallyport: --") != 3 || strings.Contains(wrong, "loud") {
		t.Errorf("%d %s %s", code, out, wrong)
	}
}

func TestNothingThatATerminalObeysIsPrinted(t *testing.T) {
	for _, v := range []any{"a\x1b[31mb\x07\r\nc\u009b1m", []any{"a\x1bb", nil}, map[string]any{"a": "b\x1b"}, 7.0, true, nil} {
		for _, r := range plain(v) {
			if r < ' ' || r >= 0x7f && r < 0xa0 {
				t.Errorf("%v is printed as %q", v, plain(v))
			}
		}
	}
	if plain(nil) != "-" || plain(7.0) != "7" || plain([]any{"a", "b"}) != "a,b" {
		t.Error(plain(nil), plain(7.0))
	}
}
