package host

// What the tests of this folder reach into.
var (
	ParsePasswd, ParseShadow, ParseGroup, RedactPasswd = parsePasswd, parseShadow, parseGroup, redactPasswd
	ParseSudoers, ParseDoas                            = parseSudoers, parseDoas
	ParseSSHD, ParsePAM, ParseOSRelease                = parseSSHD, parsePAM, parseOSRelease
	ParseSockets, ParseHexAddr                         = parseSockets, parseHexAddr
	ParseMountinfo, ParseSwaps                         = parseMountinfo, parseSwaps
	ParseNft, InstalledPackages, ParseAptConf          = parseNft, installedPackages, parseAptConf
	ParseDNF, ParseLastlog2, ParseForwards             = parseDNF, parseLastlog2, parseForwards
	CompareVersions, CutRelease, SecuritySuite         = compareVersions, cutRelease, securitySuite
	SupportTable, RecordTime, OpenTree                 = supportTable, recordTime, openTree
)
