package door

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sallyport/internal/fault"
)

// counted notes what it is told of requests.
type counted struct{ requests []string }

func (c *counted) Request(route, method string, status int, _ time.Duration) {
	c.requests = append(c.requests, fmt.Sprint(route, " ", method, " ", status))
}

// observed answers one request with h and returns the answer, the log and what
// was counted.
func observed(h http.HandlerFunc, target string) (*httptest.ResponseRecorder, string, []string) {
	var log bytes.Buffer
	var c counted
	mux := http.NewServeMux()
	mux.HandleFunc("GET /things/{id}", h)
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w := httptest.NewRecorder()
	Observe(mux, Observers{Logger: logger, Metrics: &c, Reference: func() string { return "att_1" }}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	return w, log.String(), c.requests
}

func TestRequestsAreCountedByRouteAndStatus(t *testing.T) {
	for name, c := range map[string]struct {
		h    http.HandlerFunc
		want string
	}{
		"silent":   {func(http.ResponseWriter, *http.Request) {}, "/things/{id} GET 200"},
		"written":  {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "x") }, "/things/{id} GET 200"},
		"a status": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404); io.WriteString(w, "x") }, "/things/{id} GET 404"},
	} {
		if _, _, got := observed(c.h, "/things/7"); len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if _, _, got := observed(http.NotFound, "/nowhere"); len(got) != 1 || got[0] != " GET 404" {
		t.Errorf("no route: %v", got)
	}
}

func TestNeitherPathNorQueryIsLogged(t *testing.T) {
	_, log, _ := observed(func(w http.ResponseWriter, r *http.Request) {
		Note(r.Context(), fault.Wrap(errors.New("the cause"), fault.NotFound, "detail"), "att_9")
		w.WriteHeader(404)
	}, "/things/slp_secret?ticket=hush")
	if strings.Contains(log, "slp_secret") || strings.Contains(log, "hush") {
		t.Error(log)
	}
	for _, want := range []string{"level=INFO", "code=not_found", "reference=att_9", `route="GET /things/{id}"`, "status=404"} {
		if !strings.Contains(log, want) {
			t.Errorf("%s is not in %s", want, log)
		}
	}
	if strings.Contains(log, "the cause") {
		t.Errorf("the cause of a mere refusal: %s", log)
	}
}

func TestTheCauseOfAFailureIsLogged(t *testing.T) {
	_, log, _ := observed(func(w http.ResponseWriter, r *http.Request) {
		Note(r.Context(), fault.From(errors.New("the disk is full")), "att_9")
		w.WriteHeader(500)
	}, "/things/7")
	if !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "the disk is full") {
		t.Error(log)
	}
}

func TestAPanicIsAnsweredAndCounted(t *testing.T) {
	w, log, counts := observed(func(http.ResponseWriter, *http.Request) { panic("oh") }, "/things/7")
	if w.Code != 500 || w.Header().Get("Sallyport-Error") != "internal" || w.Header().Get("Sallyport-Reference") != "att_1" || !strings.Contains(w.Body.String(), "att_1") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if lines := strings.Split(strings.TrimSpace(log), "\n"); len(lines) != 2 || !strings.Contains(lines[0], "reference=att_1 stack=") || !strings.Contains(lines[1], "code=internal reference=att_1") {
		t.Error(log)
	}
	if strings.Contains(w.Body.String(), "oh") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if !strings.Contains(log, "level=ERROR msg=panic cause=oh") || len(counts) != 1 || counts[0] != "/things/{id} GET 500" {
		t.Errorf("%s %v", log, counts)
	}
}

func TestAPanicBehindTheHeaderLeavesTheAnswerAlone(t *testing.T) {
	w, log, counts := observed(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		panic("oh")
	}, "/things/7")
	if w.Code != http.StatusAccepted || w.Body.Len() != 0 || !strings.Contains(log, "panic") || len(counts) != 1 {
		t.Errorf("%d %s %s %v", w.Code, w.Body, log, counts)
	}
}

func TestAnAbortedRequestStaysAborted(t *testing.T) {
	defer func() {
		if cause := recover(); cause != http.ErrAbortHandler {
			t.Errorf("recovered %v", cause)
		}
	}()
	observed(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "/things/7")
	t.Error("not aborted")
}

func TestTheConnectionCanBeReached(t *testing.T) {
	observed(func(w http.ResponseWriter, _ *http.Request) {
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
	}, "/things/7")
}

func TestANoteOutsideOfARequestIsLost(t *testing.T) {
	Note(context.Background(), fault.New(fault.NotFound, ""), "att_1")
}
