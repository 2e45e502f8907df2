package app

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sallyport/internal/directory"
	"sallyport/internal/outbox"
	"sallyport/internal/secret"
)

// Each of these reads one kind of value. It returns what was expected instead,
// or nothing; a value that may be secret is not repeated.

func anything(to *string, v string) string {
	*to = v
	return ""
}

func boolean(to *bool, v string) string {
	b, err := strconv.ParseBool(v)
	if err != nil {
		return "true or false"
	}
	*to = b
	return ""
}

func oneOf(to *string, v string, values ...string) string {
	for _, one := range values {
		if v == one {
			*to = v
			return ""
		}
	}
	return strings.Join(values, " or ")
}

func hostPort(to *string, v string) string {
	host, port, err := net.SplitHostPort(v)
	if err == nil && strings.ContainsAny(host, " /") {
		return "HOST:PORT"
	}
	n, e := strconv.Atoi(port)
	if err != nil || e != nil || n < 0 || n > 65535 {
		return "HOST:PORT"
	}
	*to = v
	return ""
}

func baseURL(to *string, v string) string {
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return "https://HOST, without a path"
	}
	*to = u.Scheme + "://" + strings.ToLower(u.Host)
	return ""
}

func database(to *string, v string) string {
	path, isFile := strings.CutPrefix(v, "sqlite:")
	if !(isFile && path != "") && !strings.HasPrefix(v, "postgres://") && !strings.HasPrefix(v, "postgresql://") {
		return "sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME"
	}
	*to = v
	return ""
}

func secretKey(to *string, v string) string {
	if v != "" {
		if _, err := secret.ParseRing(v); err != nil {
			return "32 bytes in base64"
		}
	}
	*to = v
	return ""
}

func mailURL(to *string, v string) string {
	if _, err := outbox.ParseTransport(v, slog.New(slog.DiscardHandler)); err != nil {
		return outbox.Expected
	}
	*to = v
	return ""
}

func mailFrom(to *string, v string) string {
	if v != "" {
		if _, err := outbox.ParseSender(v); err != nil {
			return "an e-mail address"
		}
	}
	*to = v
	return ""
}

func dnsResolver(to *string, v string) string {
	if v != "" && v != "system" {
		for one := range strings.SplitSeq(v, ",") {
			var ignored string
			if hostPort(&ignored, one) != "" {
				return "system, or HOST:PORT[,HOST:PORT]"
			}
		}
	}
	*to = v
	return ""
}

func prefixes(to *[]netip.Prefix, v string) string {
	*to = nil
	if v == "" {
		return ""
	}
	for one := range strings.SplitSeq(v, ",") {
		p, err := netip.ParsePrefix(strings.TrimSpace(one))
		if err != nil {
			return "networks such as 10.0.0.0/8, with commas between"
		}
		*to = append(*to, p.Masked())
	}
	return ""
}

func edition(to *directory.Edition, v string) string {
	if !directory.Edition(v).Valid() {
		return "standard, administration or enterprise"
	}
	*to = directory.Edition(v)
	return ""
}

func number(to *int, v string, least, most int) string {
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		return fmt.Sprintf("a number from %d to %d", least, most)
	}
	*to = n
	return ""
}

func days(to *time.Duration, v string, least, most int) string {
	n, ok := strings.CutSuffix(v, "d")
	count, err := strconv.Atoi(n)
	if !ok || err != nil || count < least || count > most {
		return fmt.Sprintf("a number of days from %dd to %dd", least, most)
	}
	*to = time.Duration(count) * 24 * time.Hour
	return ""
}

func rate(to *Rate, v string) string {
	count, per, ok := strings.Cut(v, "/")
	n, err1 := strconv.Atoi(count)
	d, err2 := time.ParseDuration(per)
	if !ok || err1 != nil || err2 != nil || n < 1 || d < time.Second || d > 24*time.Hour {
		return "COUNT/DURATION, such as 10/15m"
	}
	*to = Rate{n, d}
	return ""
}

// keep reads a number of days, or zero for good.
func keep(to *time.Duration, v string) string {
	if v == "forever" {
		*to = 0
		return ""
	}
	if days(to, v, 1, 36500) != "" {
		return "forever, or 1d to 36500d"
	}
	return ""
}

func webLink(to *string, v string) string {
	if v != "" {
		u, err := url.Parse(v)
		web := err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != ""
		if !web && (err != nil || u.Scheme != "mailto") {
			return "a link with https, http or mailto"
		}
	}
	*to = v
	return ""
}

func productName(to *string, v string) string {
	name, wrong := directory.CleanName(v, true)
	if wrong != "" || utf8.RuneCountInString(name) > 40 {
		return "a name of 1 to 40 characters"
	}
	*to = name
	return ""
}

var roleShape = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,39}$`)

func roles(to *[]string, v string) string {
	*to = nil
	for one := range strings.SplitSeq(v, ",") {
		if one = strings.TrimSpace(one); !roleShape.MatchString(one) {
			return "names such as administrator, with commas between"
		}
		*to = append(*to, one)
	}
	return ""
}

func file(to *string, v string) string {
	if v != "" {
		if info, err := os.Stat(v); err != nil || info.IsDir() {
			return "a file that is there"
		}
	}
	*to = v
	return ""
}

// endpoint reads where a collector is. What it is called with may be secret, and
// goes into a header: OpenTelemetry has a variable for that.
func endpoint(to *string, v string) string {
	if v != "" {
		u, err := url.Parse(v)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return "http://HOST:PORT or https://HOST:PORT, without a name or password"
		}
	}
	*to = v
	return ""
}

// keyFile is where the key of a SQLite database stands by default.
func keyFile(databaseURL string) string {
	path, isFile := strings.CutPrefix(databaseURL, "sqlite:")
	if !isFile {
		return ""
	}
	return filepath.Clean(path) + ".key"
}
