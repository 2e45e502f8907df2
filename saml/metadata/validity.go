package metadata

import (
	"regexp"
	"strconv"
	"time"

	"sallyport/saml/internal/xmltree"
)

// validity reads the attributes that say how long metadata counts (SAML
// metadata, section 2.3.1).
func (e *Entity) validity(el xmltree.Element) error {
	if text, ok := el.Attr("validUntil"); ok {
		until, err := time.Parse(time.RFC3339Nano, string(text))
		if err != nil {
			return at(el, CodeValidUntil, clip(text))
		}
		e.ValidUntil = until
	}
	if text, ok := el.Attr("cacheDuration"); ok {
		d, ok := duration(string(text))
		if !ok {
			return at(el, CodeCacheDuration, clip(text))
		}
		e.CacheDuration = d
	}
	return nil
}

// within narrows the validity to that of what the entity stands in.
func (e *Entity) within(outer Entity) {
	if e.ValidUntil.IsZero() || !outer.ValidUntil.IsZero() && outer.ValidUntil.Before(e.ValidUntil) {
		e.ValidUntil = outer.ValidUntil
	}
	if e.CacheDuration == 0 || outer.CacheDuration != 0 && outer.CacheDuration < e.CacheDuration {
		e.CacheDuration = outer.CacheDuration
	}
}

var durationShape = regexp.MustCompile(`^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?$`)

// duration reads an xs:duration. How long a month is, it does not say: 30 days.
func duration(s string) (total time.Duration, ok bool) {
	parts := durationShape.FindStringSubmatch(s)
	if parts == nil || len(s) > 40 || s == "P" || s[len(s)-1] == 'T' {
		return 0, false
	}
	const day = 24 * time.Hour
	for i, unit := range []time.Duration{365 * day, 30 * day, day, time.Hour, time.Minute, time.Second} {
		if parts[i+1] == "" {
			continue
		}
		n, err := strconv.ParseInt(parts[i+1], 10, 64)
		if err != nil || n > int64(100*365*day/unit) {
			return 0, false
		}
		total += time.Duration(n) * unit
	}
	return total, true
}
