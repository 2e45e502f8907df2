package house

import (
	"debug/buildinfo"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheModuleAsksForGo126(t *testing.T) {
	if m := regexp.MustCompile(`(?m)^go (\S+)$`).FindStringSubmatch(read(t, "go.mod")); m == nil || !strings.HasPrefix(m[1], "1.26") {
		t.Errorf("go.mod says %v", m)
	}
}

// TestTheBinaryIsStatic builds it as the Makefile does.
func TestTheBinaryIsStatic(t *testing.T) {
	if !strings.Contains(read(t, "Makefile"), "\nexport CGO_ENABLED = 0\n") {
		t.Error("the Makefile lets cgo in")
	}
	binary := filepath.Join(t.TempDir(), "sallyport")
	cmd := exec.Command("go", "build", "-o", binary, "./cmd/sallyport")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(info.GoVersion, "go1.26") {
		t.Errorf("built with %s", info.GoVersion)
	}
	if runtime.GOOS != "linux" {
		return
	}
	f, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		t.Error("it asks for a dynamic linker")
	}
	if libraries, err := f.ImportedLibraries(); err == nil && len(libraries) > 0 {
		t.Errorf("it asks for %v", libraries)
	}
}

func TestGoFilesAreFormatted(t *testing.T) {
	var files []string
	for _, name := range strings.Fields(command(t, "git", "ls-files", "*.go")) {
		if _, err := os.Stat(filepath.Join(root, name)); err == nil { // not deleted a moment ago
			files = append(files, name)
		}
	}
	if len(files) < 100 {
		t.Fatalf("git knows %d files", len(files))
	}
	if bad := command(t, "gofmt", append([]string{"-l"}, files...)...); bad != "" {
		t.Errorf("not formatted:\n%s", bad)
	}
}

// targets are those of the Makefile, each with its recipe.
func targets(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	name := ""
	for line := range strings.Lines(read(t, "Makefile")) {
		if m := regexp.MustCompile(`^([a-z]+):`).FindStringSubmatch(line); m != nil {
			name = m[1]
			found[name] = line
		} else if strings.HasPrefix(line, "\t") {
			found[name] += line
		} else {
			name = ""
		}
	}
	return found
}

func TestTheMakefileDoesWhatTheContractSays(t *testing.T) {
	recipes := targets(t)
	for name, parts := range map[string][]string{
		"build": {"go build -o bin/sallyport ./cmd/sallyport"},
		"demo":  {"./cmd/demo $(ARGS)"},
		"check": {"gofmt -l", "git ls-files", "go vet ./...", "go tool staticcheck ./..."},
		"test":  {"check", "go test", "./..."},
		"soak":  {"SOAK=1", "go test"},
		"bench": {"-bench="},
	} {
		for _, part := range parts {
			if !strings.Contains(recipes[name], part) {
				t.Errorf("make %s does not hold %q: %s", name, part, recipes[name])
			}
		}
	}
	if !strings.Contains(read(t, ".ci/run"), "make test") {
		t.Error(".ci/run does not call make test")
	}
}

func TestTargetsThatTextsNameAreThere(t *testing.T) {
	recipes := targets(t)
	named := regexp.MustCompile("(?m)(?:^|`)make ([a-z]+)")
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "Makefile", "docs/architecture.md", "docs/first-login.md"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			if recipes[m[1]] == "" {
				t.Errorf("%s names make %s", name, m[1])
			}
		}
	}
}
