package door

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/internal/fault"
)

const base = "https://login.example"

func answer(t *testing.T, f *fault.Error) (*http.Response, map[string]any) {
	t.Helper()
	w := httptest.NewRecorder()
	WriteProblem(w, f, base, "att_1")
	var body map[string]any
	if err := json.NewDecoder(w.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return w.Result(), body
}

func TestProblemSaysWhatTheContractSays(t *testing.T) {
	f := fault.Invalid(fault.Field{Name: "email", Message: "is not an e-mail address"})
	f.Detail = "Look again."
	res, got := answer(t, f)
	want := map[string]any{
		"type": base + "/help/errors/invalid", "title": fault.CodeInvalid.Title(), "status": 422.0,
		"detail": "Look again.", "code": "invalid", "reference": "att_1",
		"errors": []any{map[string]any{"field": "email", "message": "is not an e-mail address"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if res.StatusCode != 422 || res.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
}

func TestProblemHeaders(t *testing.T) {
	for name, c := range map[string]struct {
		f                       *fault.Error
		retryAfter, wantsBearer string
	}{
		"refused":          {fault.New(fault.Forbidden, ""), "", ""},
		"no token":         {fault.New(fault.Unauthenticated, ""), "", `Bearer realm="sallyport"`},
		"an old token":     {fault.New(fault.TokenExpired, ""), "", `Bearer realm="sallyport"`},
		"a wrong password": {fault.New(fault.CredentialsInvalid, ""), "", ""},
		"too often":        {fault.Limited(1500*time.Millisecond, ""), "2", ""},
	} {
		res, _ := answer(t, c.f)
		for header, want := range map[string]string{
			"Sallyport-Error": string(c.f.Code), "Sallyport-Reference": "att_1", "Cache-Control": "no-store",
			"Retry-After": c.retryAfter, "WWW-Authenticate": c.wantsBearer,
		} {
			if got := res.Header.Get(header); got != want {
				t.Errorf("%s: %s is %q, not %q", name, header, got, want)
			}
		}
	}
}

func TestEveryCodeIsAProblemWithItsStatus(t *testing.T) {
	for _, code := range fault.Codes() {
		res, body := answer(t, fault.New(code, ""))
		if res.StatusCode != code.Status() || body["status"] != float64(code.Status()) || body["title"] == "" {
			t.Errorf("%s: %d, %v", code, res.StatusCode, body)
		}
		if _, ok := body["errors"]; ok || body["detail"] != nil {
			t.Errorf("%s: what there is nothing to say of stands there: %v", code, body)
		}
	}
}

func TestTheCauseIsNotShown(t *testing.T) {
	w := httptest.NewRecorder()
	WriteProblem(w, fault.From(errors.New("dial tcp 10.0.0.3: password=hunter2")), base, "att_1")
	if got := w.Body.String(); strings.Contains(got, "hunter2") || w.Code != 500 {
		t.Errorf("%d %s", w.Code, got)
	}
}

func TestProblemIsWhatHumaAsksFor(t *testing.T) {
	p := NewProblem(fault.New(fault.NotFound, "Nothing here."), base, "att_1")
	if p.GetStatus() != 404 || p.ContentType("application/json") != "application/problem+json" || p.Error() != "not_found: Nothing here." {
		t.Errorf("%d %s %s", p.GetStatus(), p.ContentType(""), p)
	}
}
