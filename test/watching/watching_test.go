// Package watching holds the dashboard and the alert rules to what a server
// really serves, with Prometheus' own parsers. It is a module of its own: the
// product does not need them.
package watching

import (
	"encoding/json"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"sallyport/test/harness"
)

const (
	dashboard = "deploy/grafana/sallyport.json"
	alerts    = "deploy/prometheus/alerts.yml"
)

func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil { // where the binary is built
		panic(err)
	}
	code := m.Run()
	harness.RemoveBinary()
	os.Exit(code)
}

// fromOutside are the labels that Prometheus itself gives to what it scrapes,
// and those of histograms. A label of ours must not be called so.
var fromOutside = []string{"job", "instance"}

// metrics are the names that queries may use, each with its labels and, of
// these, the values that were seen.
func metrics(t *testing.T) map[string]harness.Family {
	t.Helper()
	s := harness.Start(t, harness.Options{})
	p, user, _ := harness.Enforced(t, s, nil)
	s.Restart(t) // what is measured from time to time is measured at the start
	b := s.NewBrowser(t)
	b.SSO(t, p, user, "").Redirected(t, "/")
	s.DueNow(t)
	s.Restart(t) // once more, for the ages of tasks: counters begin anew
	b.SSO(t, p, user, "").Redirected(t, "/")
	req := b.Depart(t, user, "")
	bad := p.Response(user, req.ID)
	bad.Assertion.Conditions.Audiences = [][]string{{"https://elsewhere.example/"}}
	b.Deliver(t, p, bad, req.RelayState).Refused(t, 403, "saml_audience_mismatch")
	invited := p.Address("invited")
	p.Invite(t, invited)
	s.Mail(t, invited)
	s.DueNow(t)
	all := make(map[string]harness.Family)
	for name, f := range s.Scrape(t) {
		if strings.HasPrefix(name, "sallyport_") {
			for _, label := range fromOutside {
				if slices.Contains(f.Labels, label) {
					t.Errorf("%s has the label %s, which Prometheus gives by itself", name, label)
				}
			}
		}
		if f.Kind != "histogram" {
			all[name] = f
			continue
		}
		all[name+"_sum"], all[name+"_count"] = f, f
		f.Labels = append(slices.Clone(f.Labels), "le")
		all[name+"_bucket"] = f
	}
	all["up"] = harness.Family{Name: "up"}
	return all
}

// check fails unless an expression can be read and uses what is served.
func check(t *testing.T, all map[string]harness.Family, where, text string) {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		t.Errorf("%s: %s: %v", where, text, err)
		return
	}
	var known, grouped []string
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			known = append(known, selector(t, all, where, n)...)
		case *parser.AggregateExpr:
			grouped = append(grouped, n.Grouping...)
		}
		return nil
	})
	if known == nil {
		t.Errorf("%s: %s asks for nothing", where, text)
	}
	for _, label := range grouped {
		if !slices.Contains(known, label) {
			t.Errorf("%s: %s groups by %s, which none of its metrics has", where, text, label)
		}
	}
}

// selector checks one metric of an expression and returns its labels.
func selector(t *testing.T, all map[string]harness.Family, where string, n *parser.VectorSelector) []string {
	t.Helper()
	f, ok := all[n.Name]
	if !ok {
		t.Errorf("%s: %s is not served", where, n.Name)
	}
	known := append(slices.Clone(f.Labels), fromOutside...)
	for _, m := range n.LabelMatchers {
		switch {
		case m.Name == labels.MetricName:
		case !slices.Contains(known, m.Name):
			t.Errorf("%s: %s has no label %s", where, n.Name, m.Name)
		case m.Type == labels.MatchEqual && !slices.Contains(fromOutside, m.Name) && !occurs(f, m):
			t.Errorf("%s: %s never has %s", where, n.Name, m)
		}
	}
	return known
}

// occurs reports whether a label has had a value. That a task failed did not
// happen.
func occurs(f harness.Family, m *labels.Matcher) bool {
	return m.Value == "failed" || slices.ContainsFunc(f.Series, func(s harness.Series) bool { return m.Matches(s.Labels[m.Name]) })
}

func TestTheDashboardAndTheAlertsAskForWhatIsServed(t *testing.T) {
	all := metrics(t)
	rules, errs := rulefmt.ParseFile(alerts, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	for _, err := range errs {
		t.Error(err)
	}
	if errs != nil {
		return
	}
	count := 0
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			count++
			check(t, all, rule.Alert, rule.Expr)
			if rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" || rule.Labels["severity"] == "" {
				t.Errorf("%s does not say what it is about", rule.Alert)
			}
		}
	}
	if count < 10 {
		t.Errorf("%d rules", count)
	}
	exprs := queries(t)
	if len(exprs) < 20 {
		t.Errorf("%d panels", len(exprs))
	}
	check(t, all, "the variables", `sallyport_build_info{job=~".+",instance=~".+"}`)
	for title, list := range exprs {
		for _, text := range list {
			check(t, all, title, strings.NewReplacer("$__rate_interval", "5m").Replace(text))
		}
	}
}

// queries are those of the dashboard by the titles of their panels.
func queries(t *testing.T) map[string][]string {
	t.Helper()
	raw, err := os.ReadFile(dashboard)
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			ID      int    `json:"id"`
			Type    string `json:"type"`
			Title   string `json:"title"`
			Targets []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	all, ids := make(map[string][]string), make(map[int]bool)
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" {
			t.Errorf("the panel %d %q", p.ID, p.Title)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			all[p.Title] = append(all[p.Title], target.Expr)
		}
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("%s shows nothing", p.Title)
		}
	}
	return all
}
