// Package house holds the house to its plan: which package may import which,
// what stands where, and what the binary is made of. The picture that it
// enforces is drawn in docs/architecture.md.
package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// root is the directory of the module.
const root = "../.."

const module = "sallyport/"

// A pkg is what go list tells of a package.
type pkg struct {
	ImportPath                         string
	Name, Dir                          string
	GoFiles, TestGoFiles, XTestGoFiles []string
	Imports                            []string
}

// short is the path within the module.
func (p *pkg) short() string { return strings.TrimPrefix(p.ImportPath, module) }

// files are the package's own, in full.
func (p *pkg) files() (paths []string) {
	for _, name := range p.GoFiles {
		paths = append(paths, filepath.Join(p.Dir, name))
	}
	return paths
}

// command runs a program at the root and returns what it prints.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("%s: %v: %s", cmd, err, exit.Stderr)
		}
		t.Fatalf("%s: %v", cmd, err)
	}
	return string(out)
}

var listed = sync.OnceValues(func() ([]pkg, error) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Name,Dir,GoFiles,TestGoFiles,XTestGoFiles,Imports", "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); err == io.EOF {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
})

// packages are those of this module.
func packages(t *testing.T) []pkg {
	t.Helper()
	all, err := listed()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 30 {
		t.Fatalf("%d packages", len(all))
	}
	return all
}

// forTests reports whether a package is there for tests alone.
func forTests(short string) bool {
	for _, dir := range []string{"internal/testenv", "internal/db/dbtest", "saml/samltest", "test"} {
		if short == dir || strings.HasPrefix(short, dir+"/") {
			return true
		}
	}
	return false
}

// arrows are all imports between packages of this module: who may know whom.
// They run downwards.
var arrows = map[string]string{
	"cmd/sallyport": "internal/cli",
	"cmd/demo":      "", // from outside, as everybody

	"internal/cli": "internal/app internal/audit internal/api internal/token internal/door internal/access internal/fault",
	"internal/app": "internal/trace internal/api internal/web internal/door internal/sso internal/signin internal/imports internal/feedback internal/token internal/directory internal/session " +
		"internal/audit internal/record internal/outbox internal/job internal/link internal/throttle internal/password internal/proof internal/outbound internal/resolver " +
		"internal/db internal/secret internal/id internal/access internal/fault",

	// doors
	"internal/api":  "internal/door internal/sso internal/signin internal/record internal/imports internal/feedback internal/job internal/token internal/directory internal/proof internal/session internal/audit internal/db internal/sheet internal/id internal/access internal/fault saml",
	"internal/web":  "internal/door internal/sso internal/record internal/recovery internal/signin internal/imports internal/feedback internal/job internal/directory internal/proof internal/audit internal/db internal/sheet internal/id internal/access internal/fault help saml",
	"internal/door": "internal/trace internal/fault",

	// capabilities
	"internal/sso":       "internal/trace internal/signin internal/record internal/recovery internal/job internal/directory internal/audit internal/outbound internal/outbox internal/db internal/secret internal/id internal/access internal/fault saml saml/metadata",
	"internal/feedback":  "internal/audit internal/throttle internal/db internal/id internal/access internal/fault help",
	"internal/imports":   "internal/directory internal/job internal/audit internal/db internal/sheet internal/id internal/access internal/fault",
	"internal/signin":    "internal/trace internal/directory internal/record internal/recovery internal/session internal/audit internal/link internal/outbox internal/throttle internal/password internal/db internal/secret internal/id internal/access internal/fault saml",
	"internal/token":     "internal/directory internal/audit internal/db internal/id internal/access internal/fault",
	"internal/directory": "internal/search internal/record internal/recovery internal/session internal/audit internal/link internal/outbox internal/throttle internal/proof internal/password internal/db internal/id internal/access internal/fault",
	"internal/search":    "internal/db internal/fault",
	"internal/session":   "internal/db internal/id internal/access",
	"internal/throttle":  "internal/db internal/secret internal/access",
	"internal/recovery":  "internal/db internal/id",
	"internal/record":    "internal/audit internal/db internal/secret internal/id internal/access internal/fault help saml",
	"internal/link":      "internal/db internal/id internal/access internal/fault",
	"internal/audit":     "internal/db internal/secret internal/sheet internal/id internal/access internal/fault",
	"internal/job":       "internal/db internal/id internal/access internal/fault",
	"internal/outbox":    "internal/db internal/id internal/secret internal/access",

	// ground
	"internal/proof":    "internal/outbound internal/resolver",
	"internal/outbound": "",
	"internal/resolver": "",
	"internal/sheet":    "",
	"internal/trace":    "internal/fault",
	"internal/db":       "internal/trace internal/access internal/fault",
	"internal/password": "internal/fault",
	"internal/access":   "",
	"internal/fault":    "",
	"internal/id":       "",
	"internal/secret":   "",
	"help":              "",

	// the library
	"saml":                  "saml/internal/dsig saml/internal/xenc saml/internal/xmltree saml/internal/b64",
	"saml/metadata":         "saml saml/internal/dsig saml/internal/c14n saml/internal/xmltree saml/internal/b64",
	"saml/internal/dsig":    "saml/internal/c14n saml/internal/xmltree saml/internal/b64",
	"saml/internal/xenc":    "saml/internal/xmltree saml/internal/b64",
	"saml/internal/c14n":    "saml/internal/xmltree",
	"saml/internal/xmltree": "",
	"saml/internal/b64":     "",
}

func TestImportsAreTheAllowedArrows(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range packages(t) {
		from := p.short()
		if forTests(from) {
			continue
		}
		seen[from] = true
		list, known := arrows[from]
		allowed := strings.Fields(list)
		if !known {
			t.Errorf("%s is not in the table", from)
		}
		for _, path := range p.Imports {
			to, own := strings.CutPrefix(path, module)
			if own && !slices.Contains(allowed, to) {
				t.Errorf("%s imports %s: not in the table", from, to)
			}
		}
		for _, to := range allowed {
			if !slices.Contains(p.Imports, module+to) {
				t.Errorf("%s does not import %s any more: take it out of the table", from, to)
			}
		}
	}
	for from := range arrows {
		if !seen[from] {
			t.Errorf("%s is in the table and not there", from)
		}
	}
}

// TestArrowsRunDownwards finds a circle that go itself would not, because one
// of its arrows is only allowed so far.
func TestArrowsRunDownwards(t *testing.T) {
	const busy, done = 1, 2
	state := map[string]int{}
	var visit func(name string, path []string)
	visit = func(name string, path []string) {
		path = append(path, name)
		switch state[name] {
		case busy:
			t.Errorf("in a circle: %s", strings.Join(path, " -> "))
		case 0:
			state[name] = busy
			for _, to := range strings.Fields(arrows[name]) {
				visit(to, path)
			}
			state[name] = done
		}
	}
	for name := range arrows {
		visit(name, nil)
	}
}

// TestTheLibraryStandsAlone: package saml and all below it, what makes messages
// for tests included, import the standard library and each other.
func TestTheLibraryStandsAlone(t *testing.T) {
	for _, p := range packages(t) {
		if p.short() != "saml" && !strings.HasPrefix(p.short(), "saml/") {
			continue
		}
		for _, path := range p.Imports {
			first, _, _ := strings.Cut(path, "/")
			if own := strings.HasPrefix(path, module+"saml"); !own && (strings.Contains(first, ".") || first == "sallyport") {
				t.Errorf("%s imports %s", p.short(), path)
			}
		}
	}
}

// TestTheBinaryHoldsNothingForTests looks through all that is linked into it.
func TestTheBinaryHoldsNothingForTests(t *testing.T) {
	unwanted := []string{"testing", "net/http/httptest", "github.com/chromedp", "github.com/crewjam", "github.com/russellhaering/goxmldsig", "github.com/beevik/etree",
		"github.com/google/go-cmp", "github.com/rogpeppe/go-internal", "honnef.co/go/tools"}
	for _, path := range strings.Fields(command(t, "go", "list", "-deps", "./cmd/sallyport")) {
		short, own := strings.CutPrefix(path, module)
		if own && forTests(short) {
			t.Errorf("%s", path)
		}
		for _, u := range unwanted {
			if path == u || strings.HasPrefix(path, u+"/") {
				t.Errorf("%s", path)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range packages(t) {
		want := "Package " + p.Name + " "
		if p.Name == "main" {
			want = "Command " + filepath.Base(p.Dir) + " "
		}
		docs := 0
		for _, name := range slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles) {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if f.Doc == nil || strings.HasPrefix(f.Doc.Text(), "//go:build") {
				continue
			}
			if docs++; !strings.HasPrefix(f.Doc.Text(), want) {
				t.Errorf("%s: %s does not begin with %q", p.short(), name, want)
			}
		}
		if docs != 1 {
			t.Errorf("%s has %d package comments", p.short(), docs)
		}
	}
}

// TestNothingHappensByImporting: no function named init, no package of odds and
// ends.
func TestNothingHappensByImporting(t *testing.T) {
	for _, p := range packages(t) {
		for _, name := range []string{"util", "utils", "common", "helpers", "misc"} {
			if filepath.Base(p.Dir) == name {
				t.Errorf("%s says nothing by its name", p.short())
			}
		}
		for _, file := range p.files() {
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					t.Errorf("%s has a func init", file)
				}
			}
		}
	}
}
