package saml_test

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sallyport/saml"
)

func TestEveryCodeHasAVector(t *testing.T) {
	var codes, warned []string
	for _, v := range vectors(t) {
		codes = append(codes, v.header["code"])
		warned = append(warned, strings.Fields(v.header["warnings"])...)
	}
	for _, c := range saml.Codes() {
		if c == saml.CodeNameIDFormat { // never refuses
			codes = append(codes, warned...)
		}
		if !slices.Contains(codes, string(c)) {
			t.Errorf("no vector has the code %s", c)
		}
	}
}

// refusing are the packages that judge messages, and in each the calls that
// refuse. Metadata is not judged by vectors.
var refusing = map[string][]string{
	".":                {"fail", "failWith", "refuse", "check", "instant"},
	"internal/b64":     {},
	"internal/c14n":    {},
	"internal/dsig":    {"invalid", "badAlgorithm"},
	"internal/xenc":    {"New", "Errorf"},
	"internal/xmltree": {"fail", "failAt"},
}

// relays are functions that hand a refusal on: their callers are the places.
var relays = []string{"fail", "failWith", "check", "instant", "refuse", "failAt", "New", "checkKeys"}

// unreached are places that no message leads to, by their reasons, and why.
var unreached = map[string]string{
	"%s holds a comment or a CDATA section":  "the parser refuses both in messages; metadata may hold them",
	"a comment without an end":               "the parser refuses its start in messages; metadata may hold comments",
	"-- inside of a comment":                 "the same",
	"a CDATA section without an end":         "the parser refuses its start in messages; metadata may hold them",
	"not a signature of %s":                  "the library gives it signatures alone",
	"the EncryptedData has several KeyInfos": "the survey of the message refuses them before",
}

// A site is a place in the library that refuses messages.
type site struct {
	at       token.Position
	function string
	reason   string // the first text in it
	// For a rule that is held both ways in one call, its name in the records,
	// and the code, if it is not the rule's own.
	rule, code string
}

// TestEveryRefusalHasAVector wants each place that refuses messages to be
// reached by a vector: in a block that the vectors cover, or, for a call that
// takes the decision as an argument, with a record that says so.
func TestEveryRefusalHasAVector(t *testing.T) {
	covered := coverageOfVectors(t)
	failed := failedChecks(t)
	names, codes := ruleNames(t), codeValues(t)
	seen, excused := 0, make(map[string]bool)
	for dir, calls := range refusing {
		for _, s := range sites(t, dir, calls) {
			seen++
			switch {
			case unreached[s.reason] != "":
				excused[s.reason] = true
				if covered.has(s.at) {
					t.Errorf("%s: a vector is refused here, although %s", s.at, unreached[s.reason])
				}
			case s.rule == "" && !covered.has(s.at):
				t.Errorf("%s: in %s: no vector is refused here", s.at, s.function)
			case s.rule != "" && !failed[names[s.rule]+" "+codes[s.code]]:
				t.Errorf("%s: in %s: no vector fails %s %s", s.at, s.function, names[s.rule], codes[s.code])
			}
		}
	}
	for reason := range unreached {
		if !excused[reason] {
			t.Errorf("nothing is refused with %q", reason)
		}
	}
	if seen < 170 {
		t.Errorf("only %d places were found", seen)
	}
	t.Logf("%d places that refuse", seen)
}

// failedChecks are the names of the checks that fail in some vector, with and
// without their codes.
func failedChecks(t *testing.T) map[string]bool {
	t.Helper()
	failed := make(map[string]bool)
	for _, v := range vectors(t) {
		cfg := v.config(t)
		var refused *saml.Refusal
		if e := v.header["encoding"]; e == "query" || e == "form" {
			_, refused = logout(t, cfg, v.logout(t))
		} else {
			_, refused = judge(t, cfg, v.received(t))
		}
		if refused == nil {
			continue
		}
		for _, c := range refused.Checks {
			if c.Status == saml.Failed {
				failed[c.Name+" "+string(c.Code)] = true
				// What check notes has no note.
				failed[c.Name+" "] = failed[c.Name+" "] || c.Note == ""
			}
		}
	}
	return failed
}

// sites finds the places of one package.
func sites(t *testing.T, dir string, calls []string) (list []site) {
	t.Helper()
	for _, file := range parseDir(t, dir) {
		for _, decl := range file.syntax.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Body == nil || slices.Contains(relays, f.Name.Name) || strings.HasPrefix(filepath.Base(file.path), "sign.") || filepath.Base(file.path) == "pieces.go" {
				continue
			}
			ast.Inspect(f.Body, func(n ast.Node) bool {
				if s, ok := refuses(n, calls); ok {
					s.at, s.function, s.reason = file.set.Position(n.Pos()), f.Name.Name, firstText(n)
					list = append(list, s)
				}
				return true
			})
		}
	}
	return list
}

// refuses reports whether a node of a program is a refusal.
func refuses(n ast.Node, calls []string) (s site, ok bool) {
	switch n := n.(type) {
	case *ast.CallExpr:
		name := calledName(n.Fun)
		if !slices.Contains(calls, name) {
			return s, false
		}
		if name == "check" || name == "instant" && !isFalse(n.Args[2]) {
			s.rule = identName(n.Args[0])
		}
		if name == "instant" && s.rule != "" {
			s.code = identName(n.Args[1])
		}
		return s, true
	case *ast.ReturnStmt:
		// A reason is returned, or one of the errors that have names.
		for _, r := range n.Results {
			if lit, ok := r.(*ast.BasicLit); ok && lit.Kind == token.STRING && len(lit.Value) > 12 && len(n.Results) == 2 {
				return s, true
			}
			if name := identName(r); name == "ErrInvalid" || name == "ErrRelativeNamespace" {
				return s, true
			}
		}
	case *ast.AssignStmt:
		return s, len(n.Rhs) == 1 && identName(n.Rhs[0]) == "ErrRelativeNamespace"
	case *ast.CompositeLit:
		return s, identName(n.Type) == "Error"
	}
	return s, false
}

// firstText is the first text that stands in a node.
func firstText(n ast.Node) (text string) {
	ast.Inspect(n, func(x ast.Node) bool {
		if lit, ok := x.(*ast.BasicLit); ok && lit.Kind == token.STRING && text == "" {
			text, _ = strconv.Unquote(lit.Value)
		}
		return text == ""
	})
	return text
}

func calledName(e ast.Expr) string {
	if sel, ok := e.(*ast.SelectorExpr); ok {
		return sel.Sel.Name
	}
	return identName(e)
}

func identName(e ast.Expr) string {
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

func isFalse(e ast.Expr) bool { return identName(e) == "false" }

// A source is one file of a package, its tests aside.
type source struct {
	path   string
	set    *token.FileSet
	syntax *ast.File
}

func parseDir(t *testing.T, dir string) (files []source) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %v", dir, err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		syntax, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, source{path, set, syntax})
	}
	return files
}

// ruleNames are the names in the table of checks, by the constants.
func ruleNames(t *testing.T) map[string]string {
	t.Helper()
	names := make(map[string]string)
	for _, file := range parseDir(t, ".") {
		ast.Inspect(file.syntax, func(n ast.Node) bool {
			entry, ok := n.(*ast.KeyValueExpr)
			if !ok || !strings.HasPrefix(identName(entry.Key), "rule") {
				return true
			}
			if row, ok := entry.Value.(*ast.CompositeLit); ok && len(row.Elts) == 2 {
				if lit, ok := row.Elts[0].(*ast.BasicLit); ok {
					names[identName(entry.Key)], _ = strconv.Unquote(lit.Value)
				}
			}
			return true
		})
	}
	if len(names) < 30 {
		t.Fatalf("only %d rules were found", len(names))
	}
	return names
}

// codeValues are the codes by their constants. No constant has no value.
func codeValues(t *testing.T) map[string]string {
	t.Helper()
	values := make(map[string]string)
	for _, file := range parseDir(t, ".") {
		ast.Inspect(file.syntax, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if ok && identName(spec.Type) == "Code" && len(spec.Values) == 1 {
				values[spec.Names[0].Name], _ = strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			}
			return true
		})
	}
	if len(values) != len(saml.Codes()) {
		t.Fatalf("%d codes were found, and Codes returns %d", len(values), len(saml.Codes()))
	}
	return values
}

// A block is a stretch of statements that run together, and whether they ran.
type block struct {
	startLine, startCol, endLine, endCol int
	ran                                  bool
}

// coverage holds the blocks of files, by their names in profiles.
type coverage map[string][]block

// has reports whether the innermost block around a position ran.
func (c coverage) has(at token.Position) bool {
	ran, found, size := false, false, 0
	for _, b := range c["sallyport/saml/"+filepath.ToSlash(at.Filename)] {
		after := at.Line > b.startLine || at.Line == b.startLine && at.Column >= b.startCol
		before := at.Line < b.endLine || at.Line == b.endLine && at.Column < b.endCol
		if after && before && (!found || b.endLine-b.startLine <= size) {
			ran, found, size = b.ran, true, b.endLine-b.startLine
		}
	}
	return ran
}

// coverageOfVectors runs the vectors, and nothing else, with their coverage.
func coverageOfVectors(t *testing.T) coverage {
	t.Helper()
	profile := filepath.Join(t.TempDir(), "profile")
	cmd := exec.Command("go", "test", "-count=1", "-run=^TestVectors$", "-coverpkg=./...", "-coverprofile="+profile, ".")
	cmd.Env = append(os.Environ(), "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%.2000s", cmd, err, out)
	}
	f, err := os.Open(profile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c := make(coverage)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, rest, ok := strings.Cut(lines.Text(), ":")
		var b block
		var statements, count int
		if _, err := fmt.Sscanf(rest, "%d.%d,%d.%d %d %d", &b.startLine, &b.startCol, &b.endLine, &b.endCol, &statements, &count); !ok || err != nil {
			continue // the first line
		}
		b.ran = count > 0
		c[name] = append(c[name], b)
	}
	if len(c) < 20 {
		t.Fatalf("a profile of %d files", len(c))
	}
	return c
}
