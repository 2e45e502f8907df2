package audit_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"sallyport/internal/audit"
)

var update = flag.Bool("update", false, "write golden files")

// inCode goes through every node of the code outside of tests.
func inCode(t *testing.T, see func(path string, n ast.Node)) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			see(path, n)
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestEveryActionIsInTheCatalogue: those that are declared, and no event is
// written with any other.
func TestEveryActionIsInTheCatalogue(t *testing.T) {
	known := map[string]bool{}
	for _, e := range audit.Catalogue() {
		if known[string(e.Action)] || !strings.HasSuffix(e.Means, ".") {
			t.Errorf("%s stands there twice, or has no sentence", e.Action)
		}
		known[string(e.Action)] = true
	}
	declared := map[string]string{}
	inCode(t, func(path string, n ast.Node) {
		switch n := n.(type) {
		case *ast.ValueSpec:
			if kind, ok := n.Type.(*ast.Ident); ok && kind.Name == "Action" && filepath.Base(filepath.Dir(path)) == "audit" {
				value, _ := strconv.Unquote(n.Values[0].(*ast.BasicLit).Value)
				declared[n.Names[0].Name] = value
			}
		case *ast.CompositeLit:
			of := n.Type
			if s, ok := of.(*ast.SelectorExpr); ok {
				of = s.Sel
			}
			if name, ok := of.(*ast.Ident); !ok || name.Name != "Event" {
				return
			}
			for _, e := range n.Elts {
				pair, ok := e.(*ast.KeyValueExpr)
				if !ok {
					continue
				}
				if field, ok := pair.Key.(*ast.Ident); !ok || field.Name != "Action" {
					continue
				}
				switch pair.Value.(type) {
				case *ast.BasicLit, *ast.CallExpr, *ast.BinaryExpr:
					t.Errorf("%s writes an event with an action of its own", path)
				}
			}
		}
	})
	if len(declared) < 80 {
		t.Fatalf("%d actions", len(declared))
	}
	for name, value := range declared {
		if !known[value] {
			t.Errorf("%s (%s) is not in the catalogue", name, value)
		}
		delete(known, value)
	}
	for value := range known {
		t.Errorf("%s is in the catalogue and not declared", value)
	}
}

// TestEveryActionIsWritten: what no code does is no action.
func TestEveryActionIsWritten(t *testing.T) {
	declared, used := map[string]bool{}, map[string]bool{}
	inCode(t, func(path string, n ast.Node) {
		switch n := n.(type) {
		case *ast.ValueSpec:
			if kind, ok := n.Type.(*ast.Ident); ok && kind.Name == "Action" && filepath.Base(path) == "event.go" && filepath.Base(filepath.Dir(path)) == "audit" {
				declared[n.Names[0].Name] = true
			}
		case *ast.SelectorExpr:
			if of, ok := n.X.(*ast.Ident); ok && of.Name == "audit" {
				used[n.Sel.Name] = true
			}
		case *ast.KeyValueExpr: // in the package itself
			if value, ok := n.Value.(*ast.Ident); ok {
				used[value.Name] = true
			}
		}
	})
	for name := range declared {
		if !used[name] {
			t.Errorf("nothing writes %s", name)
		}
	}
	if len(declared) < 80 {
		t.Errorf("%d actions", len(declared))
	}
}

func TestTheCatalogueIsDocumented(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Audit events\n\nEvery action that the audit log knows; see [audit](audit.md). This page is made from the code:\n" +
		"`go test ./internal/audit -update`.\n")
	kind := ""
	for _, e := range audit.Catalogue() {
		if k := e.Action.Kind(); k != kind {
			kind = k
			fmt.Fprintf(&b, "\n## %s\n\n| action | what it means |\n| --- | --- |\n", kind)
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", e.Action, e.Means)
	}
	const golden = "../../docs/audit-events.md"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(golden); err != nil || string(text) != b.String() {
		t.Errorf("docs/audit-events.md is old; -update writes it: %v", err)
	}
}
