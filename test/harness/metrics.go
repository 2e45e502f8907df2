package harness

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// A Family is a metric with all its series.
type Family struct {
	Name, Help string
	Kind       string   // counter, gauge or histogram
	Labels     []string // of all series together, in order
	Series     []Series
}

// A Series is one line of a counter or gauge, or one histogram.
type Series struct {
	Labels map[string]string
	Value  float64 // of a histogram how many were observed
}

// Scrape reads /metrics as Prometheus does.
func (s *Server) Scrape(t testing.TB) map[string]Family {
	t.Helper()
	res, err := http.Get(s.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v", res.Status, err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	parsed, err := parser.TextToMetricFamilies(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatalf("%v:\n%s", err, raw)
	}
	all := make(map[string]Family)
	for name, f := range parsed {
		all[name] = family(f)
	}
	return all
}

func family(f *dto.MetricFamily) Family {
	out := Family{Name: f.GetName(), Help: f.GetHelp(), Kind: strings.ToLower(f.GetType().String())}
	labels := make(map[string]bool)
	for _, m := range f.Metric {
		one := Series{Labels: make(map[string]string)}
		for _, l := range m.Label {
			labels[l.GetName()] = true
			one.Labels[l.GetName()] = l.GetValue()
		}
		switch {
		case m.Counter != nil:
			one.Value = m.Counter.GetValue()
		case m.Gauge != nil:
			one.Value = m.Gauge.GetValue()
		case m.Histogram != nil:
			one.Value = float64(m.Histogram.GetSampleCount())
		}
		out.Series = append(out.Series, one)
	}
	out.Labels = slices.Sorted(maps.Keys(labels))
	return out
}

// Sum adds up the series of a metric that have these labels.
func Sum(f Family, labels map[string]string) (sum float64) {
	for _, one := range f.Series {
		fits := true
		for name, value := range labels {
			fits = fits && one.Labels[name] == value
		}
		if fits {
			sum += one.Value
		}
	}
	return sum
}
