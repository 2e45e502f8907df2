package outside

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/internal/testenv"
	"sallyport/test/harness"
)

// soon has spans leave at once.
var soon = []string{"OTEL_BSP_SCHEDULE_DELAY=50"}

// collected waits until a request with this name was traced, and returns the
// spans of its trace by their names. It has to be the only one.
func collected(t *testing.T, c *testenv.Collector, name string) map[string][]testenv.CollectedSpan {
	t.Helper()
	var first []testenv.CollectedSpan
	eventually(t, 10*time.Second, "traced is "+name, func() bool {
		first = slices.DeleteFunc(c.Spans(t), func(s testenv.CollectedSpan) bool { return s.Name != name })
		return len(first) > 0
	})
	if len(first) != 1 {
		t.Fatalf("%d spans are called %s", len(first), name)
	}
	trace := make(map[string][]testenv.CollectedSpan)
	for _, s := range c.Spans(t) {
		if s.TraceID == first[0].TraceID {
			trace[s.Name] = append(trace[s.Name], s)
		}
	}
	return trace
}

// below fails unless spans of this name stand right below the parent, and returns
// the first.
func below(t *testing.T, trace map[string][]testenv.CollectedSpan, parent testenv.CollectedSpan, name string) testenv.CollectedSpan {
	t.Helper()
	found := slices.DeleteFunc(slices.Clone(trace[name]), func(s testenv.CollectedSpan) bool { return s.ParentID != parent.ID })
	if len(found) == 0 {
		t.Fatalf("no span %s stands below %s: %v", name, parent.Name, trace)
	}
	return found[0]
}

func TestASignInIsTracedFromTheDoorToTheDatabase(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines {
		t.Run(engine, func(t *testing.T) {
			c := testenv.StartCollector(t)
			s := harness.Start(t, harness.Options{Engine: engine, Args: []string{"--otlp-endpoint", c.URL}, Env: soon})
			p, user, _ := harness.Enforced(t, s, nil)
			b := s.NewBrowser(t)
			b.SSO(t, p, user, "").Redirected(t, "/")
			system := map[string]string{"sqlite": "sqlite", "postgres": "postgresql"}[engine]

			trace := collected(t, c, "POST /saml/{profile}/acs")
			door := trace["POST /saml/{profile}/acs"][0]
			if door.ParentID != "" || door.Kind != "SPAN_KIND_SERVER" || door.Failed {
				t.Errorf("%+v", door)
			}
			for name, want := range map[string]string{"http.route": "/saml/{profile}/acs", "http.request.method": "POST", "http.response.status_code": "303"} {
				if door.Attributes[name] != want {
					t.Errorf("%s is %q, not %q", name, door.Attributes[name], want)
				}
			}
			useCase := below(t, trace, door, "sso.consume")
			if useCase.Attributes["sallyport.sso_profile_id"] != p.ID || useCase.Failed || useCase.Attributes["sallyport.code"] != "" {
				t.Errorf("%+v", useCase)
			}
			validation := below(t, trace, useCase, "saml.validate")
			for _, database := range []testenv.CollectedSpan{below(t, trace, validation, "db.view"), below(t, trace, useCase, "db.update")} {
				if database.Attributes["db.system.name"] != system || !slices.Contains(database.Events, "begun") || database.Failed {
					t.Errorf("%+v", database)
				}
			}

			trace = collected(t, c, "POST /login")
			door = trace["POST /login"][0]
			below(t, trace, below(t, trace, door, "signin.identify"), "db.view")
			below(t, trace, below(t, trace, door, "sso.start"), "db.update")
			trace = collected(t, c, "GET /login/finish")
			below(t, trace, below(t, trace, trace["GET /login/finish"][0], "sso.finish"), "db.update")
			if about := c.Resource(); about["service.name"] != "sallyport" || about["service.version"] == "" {
				t.Errorf("%v", about)
			}
		})
	}
}

func TestATraceOfARefusalTellsItsCodeAndReferenceAndNothingOfAnybody(t *testing.T) {
	t.Parallel()
	c := testenv.StartCollector(t)
	s := harness.Start(t, harness.Options{Args: []string{"--otlp-endpoint", c.URL, "--log-level", "debug"}, Env: soon})
	p, user, _ := harness.Enforced(t, s, nil)
	b := s.NewBrowser(t)
	req := b.Depart(t, user, "/account/security?"+planted+"=1")
	bad := p.Response(user, req.ID)
	bad.Assertion.Conditions.Audiences = [][]string{{"https://" + planted + ".example/"}}
	encoded := bad.Encode()
	a := b.DeliverEncoded(t, p, encoded, req.RelayState).Refused(t, 403, "saml_audience_mismatch")
	trace := collected(t, c, "POST /saml/{profile}/acs")
	door := trace["POST /saml/{profile}/acs"][0]
	if door.Attributes["sallyport.reference"] != a.Reference || door.Attributes["sallyport.code"] != a.Code || door.Failed {
		t.Errorf("%+v", door)
	}
	for _, name := range []string{"sso.consume", "saml.validate"} {
		if got := trace[name][0]; got.Attributes["sallyport.code"] != a.Code || got.Failed {
			t.Errorf("%+v", got)
		}
	}
	// By the reference the log's line is found, and by its trace this one.
	if line := logLine(t, s, a.Reference); !strings.Contains(line, "trace_id="+door.TraceID) {
		t.Errorf("the log's line does not name the trace: %s", line)
	}

	s.NewBrowser(t).Password(t, user, planted+planted).Refused(t, 401, "credentials_invalid")
	s.NewBrowser(t).Get(t, "/"+planted+"?"+planted+"="+planted)
	s.NewBrowser(t).Send(t, strings.ToUpper(planted), "/login", nil, http.Header{"User-Agent": {planted}})
	s.NewBrowser(t).Post(t, "/login", url.Values{"email": {user}, "return_to": {"/" + planted}})
	trace = collected(t, c, "POST /login/password")
	below(t, trace, below(t, trace, trace["POST /login/password"][0], "signin.password"), "password.verify")
	collected(t, c, "other /")
	s.Stop()
	sent := c.Raw()
	for _, word := range []string{planted, strings.ToUpper(planted), user, p.Domain, req.ID, encoded[:40], s.Token, "127.0.0.1", "Go-http-client"} {
		if strings.Contains(sent, word) {
			t.Errorf("the traces hold %q", word)
		}
	}
	known := regexp.MustCompile(`^(http\.(route|request\.method|response\.status_code)|db\.system\.name|sallyport\.(code|reference|sso_profile_id))$`)
	for _, span := range c.Spans(t) {
		for name := range maps.Keys(span.Attributes) {
			if !known.MatchString(name) {
				t.Errorf("the span %s has the attribute %s", span.Name, name)
			}
		}
	}
}

// logLine returns the line of a request by the reference of its answer.
func logLine(t *testing.T, s *harness.Server, reference string) (line string) {
	t.Helper()
	eventually(t, 5*time.Second, "logged is "+reference, func() bool {
		for one := range strings.Lines(s.Log()) {
			if strings.Contains(one, "msg=request") && strings.Contains(one, reference) {
				line = one
			}
		}
		return line != ""
	})
	return line
}

func TestOnlyATrustedProxyNamesTheTraceOfARequest(t *testing.T) {
	t.Parallel()
	const theirs = "0af7651916cd43dd8448eb211c80319c"
	for proxies, want := range map[string]bool{"": false, "192.0.2.0/24": false, "127.0.0.0/8,::1/128": true} {
		c := testenv.StartCollector(t)
		// OpenTelemetry's own variables do as well as the setting.
		s := harness.Start(t, harness.Options{Args: []string{"--trusted-proxies", proxies},
			Env: append([]string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_EXPORTER_OTLP_HEADERS=x-key=abc", "OTEL_SERVICE_NAME=front-door"}, soon...)})
		s.NewBrowser(t).Send(t, "GET", "/signup", nil, http.Header{"Traceparent": {"00-" + theirs + "-b7ad6b7169203331-01"}, "Tracestate": {"x=" + planted}})
		got := collected(t, c, "GET /signup")["GET /signup"][0]
		if is := got.TraceID == theirs && got.ParentID == "b7ad6b7169203331"; is != want || !want && got.ParentID != "" {
			t.Errorf("proxies %q: %+v", proxies, got)
		}
		if c.Resource()["service.name"] != "front-door" || c.Headers()[0].Get("X-Key") != "abc" {
			t.Errorf("%v %v", c.Resource(), c.Headers()[0])
		}
	}
}

func TestWithoutAnEndpointNothingIsTraced(t *testing.T) {
	t.Parallel()
	c := testenv.StartCollector(t)
	for _, off := range [][]string{{}, {"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_SDK_DISABLED=true"}, {"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.URL, "OTEL_TRACES_EXPORTER=none"}} {
		s := harness.Start(t, harness.Options{Args: []string{"--log-level", "debug"}, Env: append(off, soon...)})
		a := s.NewBrowser(t).Get(t, "/nothing").Refused(t, 404, "not_found")
		if line := logLine(t, s, a.Reference); strings.Contains(line, "trace_id") {
			t.Error(line)
		}
		s.Stop() // which would send what was left
	}
	if n := len(c.Spans(t)); n > 0 {
		t.Errorf("%d spans", n)
	}
}

func TestACollectorThatDoesNotAnswerHarmsNobody(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Options{Args: []string{"--otlp-endpoint", "http://127.0.0.1:1"}, Env: soon})
	p, user, _ := harness.Enforced(t, s, nil)
	b := s.NewBrowser(t)
	b.SSO(t, p, user, "").Redirected(t, "/")
	b.SignedIn(t, user, "sso")
	began := time.Now()
	s.Stop()
	if s.ExitCode() != 0 || time.Since(began) > 10*time.Second {
		t.Errorf("exit %d after %v", s.ExitCode(), time.Since(began))
	}
}
