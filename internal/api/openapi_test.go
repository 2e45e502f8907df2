package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sallyport/internal/testenv/parts"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares a text with a file that is checked in.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(got, want) {
		return
	}
	is, was := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(is), len(was)) {
		if is[i] != was[i] {
			t.Fatalf("%s, line %d:\n was %s\n  is %s\nIf that is meant, run this test with -update and look at the difference.", file, i+1, was[i], is[i])
		}
	}
	t.Fatalf("%s had %d lines, there are %d", file, len(was), len(is))
}

func TestTheDescriptionIsTheOneThatIsCheckedIn(t *testing.T) {
	s := newServer(t, parts.New(t, "sqlite"))
	got, err := s.api.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "../../docs/openapi.json", append(got, '\n'))
}

func TestTheDescriptionIsServedToEverybody(t *testing.T) {
	s := newServer(t, parts.New(t, "sqlite"))
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/openapi.json", nil))
	var served, own any
	raw, err := s.api.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &served); err != nil || w.Code != 200 {
		t.Fatalf("%d %v", w.Code, err)
	}
	if err := json.Unmarshal(raw, &own); err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(served)
	b, _ := json.Marshal(own)
	if !bytes.Equal(a, b) {
		t.Error("another description is served")
	}
}

func TestTheDescriptionIsOpenAPI31(t *testing.T) {
	s := newServer(t, parts.New(t, "sqlite"))
	raw, err := s.api.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		OpenAPI string
		Info    struct{ Title, Version, Description string }
		Servers []struct{ URL string }
		Paths   map[string]map[string]struct {
			OperationID, Summary string
			Tags                 []string
			Parameters           []struct {
				Name, In string
				Required bool
				Schema   object
			}
			Responses map[string]object
		}
		Components struct{ SecuritySchemes, Schemas object }
		Security   []object
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") || doc.Info.Title == "" || doc.Info.Version == "" || len(doc.Security) != 1 ||
		len(doc.Servers) != 1 || doc.Servers[0].URL != "/api/v1" || doc.Components.SecuritySchemes["token"] == nil {
		t.Errorf("%s %+v %+v %v", doc.OpenAPI, doc.Info, doc.Servers, doc.Security)
	}
	ids := map[string]bool{}
	placeholder := regexp.MustCompile(`\{([a-z_]+)\}`)
	for path, methods := range doc.Paths {
		for method, op := range methods {
			name := method + " " + path
			if op.OperationID == "" || ids[op.OperationID] || op.Summary == "" || len(op.Tags) != 1 {
				t.Errorf("%s: id %q, summary %q, tags %v", name, op.OperationID, op.Summary, op.Tags)
			}
			ids[op.OperationID] = true
			var inPath []string
			for _, p := range op.Parameters {
				if p.Schema == nil || p.In != "path" && p.In != "query" {
					t.Errorf("%s: parameter %+v", name, p)
				}
				if p.In == "path" && p.Required {
					inPath = append(inPath, p.Name)
				}
			}
			for _, m := range placeholder.FindAllStringSubmatch(path, -1) {
				if !slices.Contains(inPath, m[1]) {
					t.Errorf("%s: {%s} is not described", name, m[1])
				}
			}
			for _, status := range []string{"401", "403", "404", "409", "422"} {
				if op.Responses[status] == nil {
					t.Errorf("%s: no response %s", name, status)
				}
			}
		}
	}
	if len(ids) < 30 {
		t.Errorf("%d operations", len(ids))
	}
	references(t, raw, doc.Components.Schemas)
}

// references looks for references that lead nowhere.
func references(t *testing.T, raw []byte, schemas object) {
	t.Helper()
	for _, m := range regexp.MustCompile(`"\$ref": *"([^"]*)"`).FindAllSubmatch(raw, -1) {
		name, ok := strings.CutPrefix(string(m[1]), "#/components/schemas/")
		if !ok || schemas[name] == nil {
			t.Errorf("%s leads nowhere", m[1])
		}
	}
	if bytes.Contains(raw, []byte(`"$schema"`)) {
		t.Error("answers would hold $schema")
	}
}
