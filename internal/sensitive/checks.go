package sensitive

import (
	"strings"
)

// digits keeps the digits of a match.
func digits(b []byte) []int {
	var out []int
	for _, c := range b {
		if c >= '0' && c <= '9' {
			out = append(out, int(c-'0'))
		}
	}
	return out
}

// card tells a payment card by its issuer's range, its length and Luhn's
// checksum. Numbers of one digit repeated pass the checksum and are no cards.
func card(b []byte) bool {
	d := digits(b)
	if !issued(d) {
		return false
	}
	sum, same := 0, true
	for i := range d {
		x := d[len(d)-1-i]
		same = same && x == d[0]
		if i%2 == 1 {
			if x *= 2; x > 9 {
				x -= 9
			}
		}
		sum += x
	}
	return sum%10 == 0 && !same
}

func issued(d []int) bool {
	n := len(d)
	if n < 13 || n > 19 {
		return false
	}
	four := d[0]*1000 + d[1]*100 + d[2]*10 + d[3]
	two := four / 100
	switch {
	case d[0] == 4:
		return n == 13 || n == 16 || n == 19
	case two >= 51 && two <= 55, four >= 2221 && four <= 2720:
		return n == 16
	case two == 34 || two == 37:
		return n == 15
	case four == 6011, two == 65, four >= 6440 && four <= 6499, two == 62:
		return n >= 16
	case four >= 3528 && four <= 3589:
		return n == 16
	}
	return false
}

// lengths are those of IBANs by country (ISO 13616).
var lengths = map[string]int{"AD": 24, "AE": 23, "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20, "ES": 24, "FI": 18, "FR": 27,
	"GB": 22, "GI": 23, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IS": 26, "IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18,
	"NO": 15, "PL": 28, "PT": 25, "RO": 24, "RS": 22, "SA": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TR": 26, "UA": 29}

// iban checks length and the remainder by 97.
func iban(b []byte) bool {
	s := strings.ReplaceAll(string(b), " ", "")
	if len(s) < 5 || lengths[s[:2]] != len(s) {
		return false
	}
	rest := 0
	for _, c := range s[4:] + s[:4] {
		switch {
		case c >= '0' && c <= '9':
			rest = (rest*10 + int(c-'0')) % 97
		case c >= 'A' && c <= 'Z':
			rest = (rest*100 + int(c-'A') + 10) % 97
		default:
			return false
		}
	}
	return rest == 1
}

// ssn of the United States has no checksum; numbers never given out are told.
func ssn(b []byte) bool {
	s := string(b)
	area, group, serial := s[:3], s[4:6], s[7:]
	return area != "000" && area != "666" && area[0] != '9' && group != "00" && serial != "0000" && s != "123-45-6789" && s != "078-05-1120"
}

// ahv of Switzerland ends like an EAN-13.
func ahv(b []byte) bool {
	d := digits(b)
	sum := 0
	for i, x := range d[:12] {
		sum += x * (1 + 2*(i%2))
	}
	return (10-sum%10)%10 == d[12]
}

// cpf of Brazil has two digits of check.
func cpf(b []byte) bool {
	d := digits(b)
	same := true
	for _, x := range d {
		same = same && x == d[0]
	}
	check := func(n int) int {
		sum := 0
		for i := range n {
			sum += d[i] * (n + 1 - i)
		}
		return sum * 10 % 11 % 10
	}
	return !same && check(9) == d[9] && check(10) == d[10]
}

// dni of Spain has a letter of check.
func dni(b []byte) bool {
	n := 0
	for _, x := range digits(b) {
		n = n*10 + x
	}
	return n > 0 && b[len(b)-1] == "TRWAGMYFPDXBNJZSQVHLCKE"[n%23]
}

// hetu of Finland has a sign of check; its first six digits are a birthday.
func hetu(b []byte) bool {
	d := 0
	for _, c := range string(b[:6]) + string(b[7:10]) {
		d = d*10 + int(c-'0')
	}
	day, month := int(b[0]-'0')*10+int(b[1]-'0'), int(b[2]-'0')*10+int(b[3]-'0')
	return day >= 1 && day <= 31 && month >= 1 && month <= 12 && b[10] == "0123456789ABCDEFHJKLMNPRSTUVWXY"[d%31]
}

// fiscale of Italy has a letter of check over two tables.
func fiscale(b []byte) bool {
	odd := [...]int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23}
	sum := 0
	for i, c := range b[:15] {
		v := int(c - 'A')
		if c <= '9' {
			v = int(c - '0')
		}
		if i%2 == 0 {
			v = odd[v]
		}
		sum += v
	}
	return b[15] == byte('A'+sum%26)
}

// secretWord tells a password in an address from what stands for one.
func secretWord(b []byte) bool {
	s := string(b)
	for _, stand := range []string{"xxx", "***", "...", "<", "${", "$(", "{{", "%s"} {
		if strings.Contains(s, stand) {
			return false
		}
	}
	switch strings.ToLower(s) {
	case "password", "pass", "secret", "changeme", "redacted", "[redacted]", "pwd":
		return false
	}
	return true
}
