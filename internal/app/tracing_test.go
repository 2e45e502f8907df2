package app

import "testing"

func TestWhereTracesGo(t *testing.T) {
	for name, c := range map[string]struct {
		setting    string
		environ    []string
		want, from string
	}{
		"nowhere":                   {"", nil, "", ""},
		"the setting":               {"http://c:4318", nil, "http://c:4318/v1/traces", "--otlp-endpoint"},
		"with a slash":              {"http://c:4318/", nil, "http://c:4318/v1/traces", "--otlp-endpoint"},
		"with a path":               {"https://c/otlp", nil, "https://c/otlp/v1/traces", "--otlp-endpoint"},
		"the variable":              {"", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://v:1"}, "http://v:1/v1/traces", otelEndpoint},
		"that for traces":           {"", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://v:1", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://t:2/in"}, "http://t:2/in", otelTraces},
		"the setting wins":          {"http://c:4318", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://v:1"}, "http://c:4318/v1/traces", "--otlp-endpoint"},
		"an empty variable":         {"", []string{"OTEL_EXPORTER_OTLP_ENDPOINT="}, "", ""},
		"off":                       {"http://c:4318", []string{"OTEL_SDK_DISABLED=TRUE"}, "", ""},
		"not off":                   {"http://c:4318", []string{"OTEL_SDK_DISABLED=false"}, "http://c:4318/v1/traces", "--otlp-endpoint"},
		"no exporter":               {"", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://v:1", "OTEL_TRACES_EXPORTER=none"}, "", ""},
		"no exporter but a setting": {"http://c:4318", []string{"OTEL_TRACES_EXPORTER=none"}, "http://c:4318/v1/traces", "--otlp-endpoint"},
		"no variable of ours":       {"", []string{"EXPORTER_OTLP_ENDPOINT=http://v:1", "OTEL_METRICS_EXPORTER=otlp"}, "", ""},
	} {
		if got, from := tracesURL(c.setting, c.environ); got != c.want || from != c.from {
			t.Errorf("%s: %q from %q", name, got, from)
		}
	}
}

func TestAnEndpointIsAPlainURL(t *testing.T) {
	for value, fits := range map[string]bool{
		"": true, "http://localhost:4318": true, "https://c.example/otlp": true,
		"localhost:4318": false, "grpc://c:4317": false, "http://": false, "http://user:hush@c:4318": false, "http://c/?key=hush": false, "http://c/#x": false, "http://c:x": false,
	} {
		var to string
		if got := endpoint(&to, value); (got == "") != fits || fits && to != value {
			t.Errorf("%q: %q, %q", value, got, to)
		}
	}
	if _, err := Load(Source{Environment: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://user:hush@c:4318"}}); err == nil || err.Error() !=
		"OTEL_EXPORTER_OTLP_ENDPOINT: expected http://HOST:PORT or https://HOST:PORT, without a name or password" {
		t.Error(err)
	}
}
