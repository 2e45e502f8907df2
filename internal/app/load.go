package app

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"sallyport/internal/door"
	"sallyport/internal/outbox"
)

// Problems are all the reasons why a server can't start, each of which names
// its setting and says what was expected.
type Problems []string

func (p Problems) Error() string { return strings.Join(p, "\n") }

// A Source holds settings that were given: by flag, by variable, by file.
type Source struct {
	Flags       map[string]string // by the name of the flag; only those that were given
	Environment []string          // as os.Environ returns it
	File        string            // a YAML file; empty for none
}

const variablePrefix = "SALLYPORT_"

// notSettings are variables of the command line that configure no server.
var notSettings = []string{"SALLYPORT_SERVER", "SALLYPORT_TOKEN", "SALLYPORT_CONFIG"}

// Load reads the settings: a flag wins over a variable, that over the file,
// that over the default. An error is of type [Problems].
func Load(src Source) (Settings, error) {
	var s Settings
	var problems Problems
	table := Table()
	byVariable, unknown := environment(src.Environment, table)
	problems = append(problems, unknown...)
	byKey, bad := configFile(src.File, table)
	problems = append(problems, bad...)
	for _, line := range table {
		value, from := line.Default, "default"
		if v, ok := byKey[yamlKey(line.Name)]; ok {
			value, from = v, yamlKey(line.Name)+" in "+src.File
		}
		if v, ok := byVariable[variable(line.Name)]; ok {
			value, from = v, variable(line.Name)
		}
		if v, ok := src.Flags[line.Name]; ok {
			value, from = v, "--"+line.Name
		}
		if expected := line.parse(&s, value); expected != "" {
			problems = append(problems, fmt.Sprintf("%s: expected %s", from, expected))
		}
	}
	var from string
	s.TracesURL, from = tracesURL(s.TracesURL, src.Environment)
	if expected := endpoint(&s.TracesURL, s.TracesURL); expected != "" {
		problems = append(problems, fmt.Sprintf("%s: expected %s", from, expected))
	}
	if problems = append(problems, s.together()...); len(problems) > 0 {
		return s, problems
	}
	s.complete()
	return s, nil
}

func variable(name string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

func yamlKey(name string) string { return strings.ReplaceAll(name, "-", "_") }

// environment picks our variables out, and names those that nobody knows.
func environment(environ []string, table []Setting) (map[string]string, Problems) {
	found := make(map[string]string)
	var unknown Problems
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, variablePrefix) || slices.Contains(notSettings, name) {
			continue
		}
		if !slices.ContainsFunc(table, func(l Setting) bool { return variable(l.Name) == name }) {
			unknown = append(unknown, name+": no such setting; see sallyport serve --help")
			continue
		}
		found[name] = value
	}
	return found, unknown
}

// configFile reads a YAML file of single values and lists.
func configFile(path string, table []Setting) (map[string]string, Problems) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, Problems{"--config: expected a YAML file that can be read: " + err.Error()}
	}
	defer f.Close()
	var raw map[string]yaml.Node
	if err := yaml.NewDecoder(io.LimitReader(f, 1<<20)).Decode(&raw); err != nil && !errors.Is(err, io.EOF) {
		return nil, Problems{"--config: expected YAML: " + err.Error()}
	}
	found := make(map[string]string)
	var problems Problems
	for key, node := range raw {
		if !slices.ContainsFunc(table, func(l Setting) bool { return yamlKey(l.Name) == key }) {
			problems = append(problems, fmt.Sprintf("%s in %s: no such setting; see sallyport serve --help", key, path))
			continue
		}
		value, ok := scalar(&node)
		if !ok {
			problems = append(problems, fmt.Sprintf("%s in %s: expected a value or a list of values", key, path))
			continue
		}
		found[key] = value
	}
	slices.Sort(problems)
	return found, problems
}

// scalar reads a value, or a list as values with commas between.
func scalar(n *yaml.Node) (string, bool) {
	switch n.Kind {
	case yaml.ScalarNode:
		return n.Value, true
	case yaml.SequenceNode:
		var values []string
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode {
				return "", false
			}
			values = append(values, item.Value)
		}
		return strings.Join(values, ","), true
	}
	return "", false
}

// together checks what no setting shows alone.
func (s *Settings) together() (problems Problems) {
	if u, err := url.Parse(s.BaseURL); err == nil && u.Scheme == "http" && !s.Insecure && !door.Loopback(u.Hostname()) {
		problems = append(problems, "--base-url: expected https outside loopback; --insecure-http allows http")
	}
	if (s.TLSCert == "") != (s.TLSKey == "") {
		problems = append(problems, "--tls-cert, --tls-key: expected both or neither")
	}
	if s.SecretKey != "" && s.SecretKeyFile != "" {
		problems = append(problems, "--secret-key, --secret-key-file: expected one of them")
	}
	if strings.HasPrefix(s.Database, "postgres") && s.SecretKey == "" && s.SecretKeyFile == "" {
		problems = append(problems, "--secret-key-file: expected with PostgreSQL, the same on every node (or --secret-key)")
	}
	return problems
}

// complete fills in what follows from other settings.
func (s *Settings) complete() {
	if s.MailFrom == "" {
		u, _ := url.Parse(s.BaseURL) // it was checked
		host := u.Hostname()
		if net.ParseIP(host) != nil {
			host = "[" + host + "]"
		}
		s.MailFrom = "sallyport@" + host
	}
	if s.OperatorMail == "" {
		s.OperatorMail = s.MailFrom
	}
	if a, err := outbox.ParseSender(s.OperatorMail); err == nil {
		s.OperatorMail = a.Address
	}
}
