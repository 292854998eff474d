package host

import (
	"encoding/json"
	"strings"
	"time"
)

// tableAsOf is when supports was last compared with what the makers publish.
const tableAsOf = "November 2026"

// supports says, for the release a version begins with, the last day of
// security updates that cost nothing beyond the system itself and, where the
// machine can show that it is entitled to them, of those that are paid for.
// Debian's days include the work of its long-term support team, which is
// delivered through the same archive.
var supports = map[string]map[string][2]string{
	"debian": {
		"7": {"2018-05-31"}, "8": {"2020-06-30"}, "9": {"2022-06-30"}, "10": {"2024-06-30"},
		"11": {"2026-08-31"}, "12": {"2028-06-30"}, "13": {"2030-06-30"},
	},
	"ubuntu": {
		"14.04": {"2019-04-25", "2024-04-25"}, "16.04": {"2021-04-30", "2026-04-23"}, "18.04": {"2023-05-31", "2028-04-26"},
		"20.04": {"2025-05-29", "2030-04-23"}, "22.04": {"2027-06-01", "2032-04-21"}, "24.04": {"2029-05-31", "2034-04-25"},
		"26.04": {"2031-05-29", "2036-04-23"},
		"22.10": {"2023-07-20"}, "23.04": {"2024-01-25"}, "23.10": {"2024-07-11"}, "24.10": {"2025-07-10"},
		"25.04": {"2026-01-15"}, "25.10": {"2026-07-09"}, "26.10": {"2027-07-15"},
	},
	"rhel":      {"6": {"2020-11-30"}, "7": {"2024-06-30"}, "8": {"2029-05-31"}, "9": {"2032-05-31"}, "10": {"2035-05-31"}},
	"rocky":     {"8": {"2029-05-31"}, "9": {"2032-05-31"}, "10": {"2035-05-31"}},
	"almalinux": {"8": {"2029-03-01"}, "9": {"2032-05-31"}, "10": {"2035-05-31"}},
	// centos 8 is the classic release; Stream 8 carries the same id and version
	// and ended later, so the later day is given.
	"centos": {"6": {"2020-11-30"}, "7": {"2024-06-30"}, "8": {"2024-05-31"}, "9": {"2027-05-31"}, "10": {"2030-01-01"}},
	"ol":     {"6": {"2021-03-31"}, "7": {"2024-12-31"}, "8": {"2029-07-31"}, "9": {"2032-06-30"}},
	"amzn":   {"2018.03": {"2023-12-31"}, "2": {"2026-06-30"}, "2023": {"2029-06-30"}},
	"fedora": {
		"38": {"2024-05-21"}, "39": {"2024-11-26"}, "40": {"2025-05-13"}, "41": {"2025-12-15"}, "42": {"2026-05-13"}, "43": {"2026-12-09"},
	},
	"alpine": {
		"3.14": {"2023-05-01"}, "3.15": {"2023-11-01"}, "3.16": {"2024-05-23"}, "3.17": {"2024-11-22"}, "3.18": {"2025-05-09"},
		"3.19": {"2025-11-01"}, "3.20": {"2026-04-01"}, "3.21": {"2026-11-01"}, "3.22": {"2027-05-01"}, "3.23": {"2027-11-01"},
	},
}

// supportTable looks a release up by its full version, then by ever shorter
// beginnings of it, so that 9.4 finds 9.
func supportTable(id, version string) (until, paid time.Time, ok bool) {
	for ; version != ""; version, _, _ = cutLast(version, ".") {
		if days, found := supports[id][version]; found {
			return day(days[0]), day(days[1]), true
		}
		if !strings.Contains(version, ".") {
			break
		}
	}
	return time.Time{}, time.Time{}, false
}

// day is the end of a day of the table; a day left out is the zero time.
func day(s string) time.Time {
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return time.Time{}
	}
	return endOf(d)
}

// paidSupport reports whether Ubuntu's own record says that the machine
// receives extended security maintenance.
func (l *look) paidSupport() bool {
	data, err := l.tree.read("/var/lib/ubuntu-advantage/status.json", maxText)
	if err != nil {
		return false
	}
	var status struct {
		Attached bool `json:"attached"`
		Services []struct {
			Name   string `json:"name"`
			Status string `json:"status"`
		} `json:"services"`
	}
	if json.Unmarshal(data, &status) != nil || !status.Attached {
		return false
	}
	for _, s := range status.Services {
		if s.Name == "esm-infra" && s.Status == "enabled" {
			return true
		}
	}
	return false
}
