package harness

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Object is a JSON object.
type Object = map[string]any

// Call calls the API with a token and returns the status and the body.
func (s *Server) Call(t testing.TB, token, method, path string, body any) (int, http.Header, Object) {
	t.Helper()
	var in io.Reader = http.NoBody
	switch b := body.(type) {
	case nil:
	case string:
		in = bytes.NewReader([]byte(b))
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		in = bytes.NewReader(raw)
	}
	req, err := http.NewRequest(method, s.Base+"/api/v1"+path, in)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := s.Send(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer Object
	if len(raw) > 0 && strings.Contains(res.Header.Get("Content-Type"), "json") && res.Header.Get("Content-Type") != "application/jsonl" { // else it is a file
		if err := json.Unmarshal(raw, &answer); err != nil {
			t.Fatalf("%s %s: %s answered %q", method, path, res.Status, raw)
		}
	}
	return res.StatusCode, res.Header, answer
}

// OK calls the API as the operator; the call has to succeed.
func (s *Server) OK(t testing.TB, method, path string, body any) Object {
	t.Helper()
	status, _, answer := s.Call(t, s.Token, method, path, body)
	if status >= 300 {
		t.Fatalf("%s %s: %d %v", method, path, status, answer)
	}
	return answer
}

// Refused calls the API as the operator; the call has to be refused with this
// status and code.
func (s *Server) Refused(t testing.TB, status int, code, method, path string, body any) Object {
	t.Helper()
	return s.RefusedAs(t, s.Token, status, code, method, path, body)
}

// RefusedAs is [Server.Refused] with another token.
func (s *Server) RefusedAs(t testing.TB, token string, status int, code, method, path string, body any) Object {
	t.Helper()
	got, header, answer := s.Call(t, token, method, path, body)
	if got != status || answer["code"] != code {
		t.Fatalf("%s %s: %d %v, not %d %s", method, path, got, answer, status, code)
	}
	for _, field := range []string{"type", "title", "status", "reference"} {
		if answer[field] == nil || answer[field] == "" {
			t.Errorf("%s %s: the problem has no %s: %v", method, path, field, answer)
		}
	}
	if header.Get("Content-Type") != "application/problem+json" || header.Get("Sallyport-Error") != code {
		t.Errorf("%s %s: headers %v", method, path, header)
	}
	return answer
}

// ID returns the id of an answer.
func ID(o Object) string {
	v, _ := o["id"].(string)
	return v
}

// At returns a value inside an object: At(o, "sign_in", "method").
func At(o Object, path ...string) any {
	var v any = o
	for _, name := range path {
		m, ok := v.(Object)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}

// Items returns the items of a list.
func Items(o Object) []Object {
	list, _ := o["items"].([]any)
	var items []Object
	for _, one := range list {
		if m, ok := one.(Object); ok {
			items = append(items, m)
		}
	}
	return items
}

// CallAs sends a body of any kind as the operator and returns the status and
// the code of a refusal.
func (s *Server) CallAs(t testing.TB, kind, method, path, body string) (status int, code string) {
	t.Helper()
	res, _ := s.send(t, kind, method, path, body)
	return res.StatusCode, res.Header.Get("Sallyport-Error")
}

// Upload sends a CSV file as the operator; that has to succeed.
func (s *Server) Upload(t testing.TB, path, csv string) (answer Object) {
	t.Helper()
	raw := s.text(t, http.MethodPost, path, "text/csv", csv)
	if err := json.Unmarshal([]byte(raw), &answer); err != nil {
		t.Fatalf("%s answered %q", path, raw)
	}
	return answer
}

// File reads an answer that is no JSON, as the operator; that has to succeed.
func (s *Server) File(t testing.TB, path string) string {
	t.Helper()
	return s.text(t, http.MethodGet, path, "", "")
}

func (s *Server) text(t testing.TB, method, path, kind, body string) string {
	t.Helper()
	res, answer := s.send(t, kind, method, path, body)
	if res.StatusCode >= 300 {
		t.Fatalf("%s %s: %s %q", method, path, res.Status, answer)
	}
	return answer
}

// send sends a body of any kind as the operator, and reads the answer to its end.
func (s *Server) send(t testing.TB, kind, method, path, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, s.Base+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.Token)
	req.Header.Set("Content-Type", kind)
	res, err := s.Send(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %s %q, %v", method, path, res.Status, raw, err)
	}
	return res, string(raw)
}
