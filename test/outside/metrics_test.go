package outside

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/internal/fault"
	"sallyport/test/harness"
)

// promised are the metrics that the outer contract names: kind and labels.
var promised = map[string]string{
	"sallyport_sign_ins_total":                 "counter method,outcome,code",
	"sallyport_saml_validation_seconds":        "histogram ",
	"sallyport_http_request_duration_seconds":  "histogram route,method,status",
	"sallyport_sessions_active":                "gauge ",
	"sallyport_idp_certificate_expiry_seconds": "gauge profile",
	"sallyport_jobs_duration_seconds":          "histogram task,outcome",
	"sallyport_jobs_open":                      "gauge status",
	"sallyport_recorder_waiting":               "gauge ",
	"sallyport_recorder_dropped_total":         "counter reason",
	"sallyport_audit_head_position":            "gauge ",
	"sallyport_audit_head_fingerprint":         "gauge ",
	"sallyport_audit_waiting":                  "gauge ",
	"sallyport_audit_lag_seconds":              "gauge ",
	"sallyport_db_updates_total":               "counter ",
	"sallyport_db_connections_in_use":          "gauge pool",
	"go_goroutines":                            "gauge ",
	"process_cpu_seconds_total":                "counter ",
}

// few are the values that a label may have. None is anybody's: what stands in
// a label is from a list of ours, or the id of an SSO profile.
var few = map[string]*regexp.Regexp{
	"method":   regexp.MustCompile(`^(sso|password|recovery|GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|other)$`),
	"outcome":  regexp.MustCompile(`^[a-z_]{2,20}$`),
	"status":   regexp.MustCompile(`^([1-5][0-9][0-9]|queued|running)$`),
	"route":    regexp.MustCompile(`^(|/[a-z0-9{}$._/-]*)$`),
	"task":     regexp.MustCompile(`^[a-z_]{2,30}$`),
	"kind":     regexp.MustCompile(`^[a-z_]{2,30}$`),
	"reason":   regexp.MustCompile(`^(queue|rate|message|day|error)$`),
	"pool":     regexp.MustCompile(`^(read|write)$`),
	"profile":  regexp.MustCompile(`^sso_[0-9a-z]{10,40}$`),
	"database": regexp.MustCompile(`^(sqlite|postgres)$`),
	"version":  regexp.MustCompile(`^[0-9a-zA-Z.+()-]{1,60}$`),
}

// anID finds what the path of a route must not hold: the id of anything.
var anID = regexp.MustCompile(`(org|dom|usr|acc|sso|app|evt|att|ses|tok|job|inv)_[0-9a-z]{10}`)

// busyServer has done everything once that a metric tells of.
func busyServer(t *testing.T, s *harness.Server) (p *harness.Profile, user string) {
	t.Helper()
	p, user, _ = harness.Enforced(t, s, nil)
	b := s.NewBrowser(t)
	b.SSO(t, p, user, "").Redirected(t, "/")
	s.NewBrowser(t).Password(t, user, harness.Password).Refused(t, 403, "sso_required")
	bad := b.Depart(t, user, "")
	answer := p.Response(user, bad.ID)
	answer.Assertion.Conditions.Audiences = [][]string{{"https://elsewhere.example/"}}
	b.Deliver(t, p, answer, bad.RelayState).Refused(t, 403, "saml_audience_mismatch")
	s.Refused(t, 404, "not_found", "GET", "/"+planted, nil)
	b.Get(t, "/"+planted)
	b.Send(t, strings.ToUpper(planted), "/login", nil, nil)
	invited := p.Address("invited")
	p.Invite(t, invited)
	s.Mail(t, invited)
	s.DueNow(t)
	return p, user
}

func TestMetricsAreWhatTheContractAndTheDocumentationSay(t *testing.T) {
	t.Parallel()
	described := documented(t)
	alone(t, harness.Options{}, func(t *testing.T, s *harness.Server) {
		p, user := busyServer(t, s)
		s.Stop()
		s.Again(t) // what is measured from time to time is measured at the start
		b := s.NewBrowser(t)
		b.SSO(t, p, user, "").Redirected(t, "/")
		invited := p.Address("invited2")
		p.Invite(t, invited)
		s.Mail(t, invited)
		s.DueNow(t)
		var all map[string]harness.Family
		eventually(t, 10*time.Second, "measured", func() bool {
			all = s.Scrape(t)
			return len(all["sallyport_idp_certificate_expiry_seconds"].Series) > 0 && len(all["sallyport_jobs_open"].Series) > 0 &&
				len(all["sallyport_jobs_success_age_seconds"].Series) > 0 && len(all["sallyport_mails_total"].Series) > 0 &&
				len(all["sallyport_jobs_duration_seconds"].Series) > 0
		})
		for name, want := range promised {
			kind, labels, _ := strings.Cut(want, " ")
			f, ok := all[name]
			if !ok {
				t.Errorf("%s is not served", name)
				continue
			}
			if f.Kind != kind || fmt.Sprint(f.Labels) != fmt.Sprint(sorted(labels)) {
				t.Errorf("%s is a %s with %v, not a %s", name, f.Kind, f.Labels, want)
			}
		}
		for name, f := range all {
			if f.Help == "" {
				t.Errorf("%s does not say what it is", name)
			}
			if !strings.HasPrefix(name, "sallyport_") {
				continue
			}
			if got, want := f.Kind+" "+strings.Join(f.Labels, ","), described[name]; got != want {
				t.Errorf("%s is %q; the documentation says %q", name, got, want)
			}
			bounded(t, f, p, user)
		}
		for name := range described {
			if _, ok := all[name]; !ok {
				t.Errorf("%s is in the documentation, and not served", name)
			}
		}
		if n := harness.Sum(all["sallyport_sign_ins_total"], map[string]string{"method": "sso", "outcome": "succeeded"}); n != 1 {
			t.Errorf("%v sign-ins", n)
		}
	})
}

// bounded fails on a label whose values may be without number, or somebody's.
func bounded(t *testing.T, f harness.Family, p *harness.Profile, user string) {
	t.Helper()
	for _, one := range f.Series {
		for label, value := range one.Labels {
			shape := few[label]
			switch {
			case label == "code":
				if value != "" && !slices.Contains(fault.Codes(), fault.Code(value)) {
					t.Errorf("%s has the code %s", f.Name, value)
				}
			case shape == nil || !shape.MatchString(value) || label != "profile" && anID.MatchString(value):
				t.Errorf("%s has the label %s=%q", f.Name, label, value)
			}
			for _, word := range []string{planted, strings.ToUpper(planted), user, p.Domain, p.Organization.ID} {
				if strings.Contains(value, word) {
					t.Errorf("%s has the label %s=%q", f.Name, label, value)
				}
			}
		}
	}
}

func sorted(labels string) []string {
	list := strings.FieldsFunc(labels, func(r rune) bool { return r == ',' })
	slices.Sort(list)
	return list
}

// documented reads the table of docs/observability.md: kind and labels by name.
func documented(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/observability.md")
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, m := range regexp.MustCompile("(?m)^\\| `(sallyport_[a-z_]+)` \\| ([a-z]+) \\| *([^|]*?) *\\|").FindAllStringSubmatch(string(text), -1) {
		all[m[1]] = m[2] + " " + strings.Join(sorted(strings.NewReplacer("`", "", " ", "").Replace(m[3])), ",")
	}
	if len(all) == 0 {
		t.Fatal("docs/observability.md has no table of metrics")
	}
	return all
}
