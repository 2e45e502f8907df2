package testenv

import (
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/protobuf/proto"
)

// A Collector takes traces by OTLP/HTTP on loopback.
type Collector struct {
	URL string

	mu       sync.Mutex
	spans    []CollectedSpan
	resource map[string]string
	headers  []http.Header
	raw      []byte
	problem  error // the first request that could not be read
}

// A CollectedSpan is one that was taken. Values are text, whatever they were.
type CollectedSpan struct {
	TraceID, ID, ParentID string // hexadecimal; ParentID is empty for the first of a trace
	Name                  string
	Kind                  string
	Failed                bool
	Attributes            map[string]string
	Events                []string
}

// StartCollector starts a collector that ends with the test.
func StartCollector(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{resource: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", c.take)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

func (c *Collector) take(w http.ResponseWriter, r *http.Request) {
	raw, err := body(r)
	var in collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(raw, &in)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.problem = err
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.raw = append(c.raw, raw...)
	c.headers = append(c.headers, r.Header)
	for _, of := range in.ResourceSpans {
		for name, value := range texts(of.Resource.GetAttributes()) {
			c.resource[name] = value
		}
		for _, scope := range of.ScopeSpans {
			for _, s := range scope.Spans {
				one := CollectedSpan{TraceID: hex.EncodeToString(s.TraceId), ID: hex.EncodeToString(s.SpanId), ParentID: hex.EncodeToString(s.ParentSpanId),
					Name: s.Name, Kind: s.Kind.String(), Failed: s.GetStatus().GetCode() == 2, Attributes: texts(s.Attributes)}
				for _, e := range s.Events {
					one.Events = append(one.Events, e.Name)
				}
				c.spans = append(c.spans, one)
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func body(r *http.Request) ([]byte, error) {
	in := io.Reader(http.MaxBytesReader(nil, r.Body, 64<<20))
	if r.Header.Get("Content-Encoding") == "gzip" {
		var err error
		if in, err = gzip.NewReader(in); err != nil {
			return nil, err
		}
	}
	return io.ReadAll(in)
}

func texts(list []*common.KeyValue) map[string]string {
	all := make(map[string]string)
	for _, kv := range list {
		switch v := kv.Value.GetValue().(type) {
		case *common.AnyValue_StringValue:
			all[kv.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			all[kv.Key] = strconv.FormatInt(v.IntValue, 10)
		default:
			all[kv.Key] = kv.Value.String()
		}
	}
	return all
}

// Spans returns what was taken so far.
func (c *Collector) Spans(t testing.TB) []CollectedSpan {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.problem != nil {
		t.Fatal(c.problem)
	}
	return append([]CollectedSpan(nil), c.spans...)
}

// Resource returns what the spans are said to come from.
func (c *Collector) Resource() map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.resource
}

// Headers returns those of the requests.
func (c *Collector) Headers() []http.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]http.Header(nil), c.headers...)
}

// Raw returns all that was sent, as it was.
func (c *Collector) Raw() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.raw)
}
