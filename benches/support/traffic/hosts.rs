//! Who the clients talk to: published host names of several endpoint sets, with alias chains and addresses shaped like the real ones.
//!
//! Hosts of set 163 have addresses inside its published ranges, all others outside of them. The endpoint sets a host belongs to are the
//! catalogue's business; nothing here says them.

/// How a host is talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// HTTPS on port 443, short exchanges.
    Tls,
    /// Plain HTTP on port 80, short exchanges.
    Http,
    /// HTTPS on port 443, large downloads.
    TlsDownload,
    /// Plain HTTP on port 80, large downloads in ranges.
    HttpDownload,
    /// NTP on UDP port 123.
    Ntp,
}

/// One host with what a resolver answers for it.
#[derive(Debug)]
pub struct Host {
    /// The name asked for.
    pub name: &'static str,
    /// Its alias (CNAME) chain, in order.
    pub aliases: &'static [&'static str],
    /// Its IPv4 addresses.
    pub v4: &'static [[u8; 4]],
    /// Its IPv6 address, as eight groups.
    pub v6: Option<[u16; 8]>,
    /// How it is talked to.
    pub service: Service,
}

const fn host(
    service: Service,
    name: &'static str,
    aliases: &'static [&'static str],
    v4: &'static [[u8; 4]],
    v6: Option<[u16; 8]>,
) -> Host {
    Host {
        name,
        aliases,
        v4,
        v6,
        service,
    }
}

/// Names that resolvers deny: a device's searches for a proxy and for its own company's hosts.
pub const ABSENT_NAMES: [&str; 3] = [
    "wpad.corp.example",
    "enterpriseenrollment.corp.example",
    "_ldap._tcp.dc._msdcs.corp.example",
];

use Service::{Http, HttpDownload, Ntp, Tls, TlsDownload};

/// All hosts; those that are listed more often in a real enrolment come first (see [`super::conversation`] for the weighting).
pub static HOSTS: [Host; 28] = [
    host(
        Tls,
        "manage.microsoft.com",
        &[
            "manage-prod.trafficmanager.net",
            "fe-msub02.northeurope.cloudapp.azure.com",
        ],
        &[[20, 37, 153, 10], [104, 46, 162, 100], [13, 67, 15, 140]],
        Some([0x2603, 0x1020, 5, 1, 0, 0, 0, 0x10]),
    ),
    host(
        Tls,
        "r.manage.microsoft.com",
        &["r.trafficmanager.net"],
        &[[20, 43, 129, 12], [40, 82, 249, 130]],
        None,
    ),
    host(
        Tls,
        "login.microsoftonline.com",
        &[
            "login.mso.msidentity.com",
            "ak.privatelink.msidentity.com",
            "www.tm.a.prd.aadg.akadns.net",
        ],
        &[[20, 190, 159, 2], [40, 126, 31, 67], [20, 190, 160, 14]],
        Some([0x2603, 0x1026, 0x3000, 0x148, 0, 0, 0, 2]),
    ),
    host(
        Tls,
        "login.live.com",
        &[
            "login.msa.msidentity.com",
            "www.tm.lg.prod.aadmsa.trafficmanager.net",
        ],
        &[[40, 126, 32, 134], [40, 126, 32, 74]],
        Some([0x2603, 0x1026, 0x3000, 0xc8, 0, 0, 0, 5]),
    ),
    host(
        Tls,
        "client.wns.windows.com",
        &["wns.notify.trafficmanager.net"],
        &[[40, 113, 110, 67], [20, 59, 87, 225]],
        None,
    ),
    host(
        Http,
        "ctldl.windowsupdate.com",
        &["wu-bg-shim.trafficmanager.net"],
        &[[23, 32, 46, 44], [23, 32, 46, 52]],
        None,
    ),
    host(
        Http,
        "www.msftconnecttest.com",
        &["ncsi-geo.trafficmanager.net"],
        &[[23, 55, 163, 60]],
        Some([0x2a02, 0x26f0, 0x1700, 9, 0, 0, 0, 0x60]),
    ),
    host(
        Tls,
        "fef.msub02.manage.microsoft.com",
        &[],
        &[[52, 240, 244, 165], [20, 191, 167, 21]],
        None,
    ),
    host(
        Tls,
        "portal.manage.microsoft.com",
        &["portal.fei.msub02.manage.microsoft.com"],
        &[[40, 67, 121, 230]],
        None,
    ),
    host(
        Tls,
        "enrollment.manage.microsoft.com",
        &[],
        &[[40, 74, 25, 30], [20, 42, 130, 30]],
        Some([0x2603, 0x1020, 5, 1, 0, 0, 0, 0x30]),
    ),
    host(
        Tls,
        "EnterpriseEnrollment.manage.microsoft.com",
        &["enterpriseenrollment-s.manage.microsoft.com"],
        &[[52, 236, 189, 100]],
        None,
    ),
    host(
        Tls,
        "enterpriseregistration.windows.net",
        &["na.privatelink.msidentity.com", "prdf.aadg.msidentity.com"],
        &[[20, 190, 160, 30]],
        Some([0x2603, 0x1026, 0x3000, 0x150, 0, 0, 0, 3]),
    ),
    host(
        Tls,
        "config.edge.skype.com",
        &[
            "config.edge.skype.com.trafficmanager.net",
            "l-0007.config.skype.com",
        ],
        &[[13, 107, 42, 16]],
        Some([0x2620, 0x1ec, 0x21, 0, 0, 0, 0, 0x16]),
    ),
    host(
        Tls,
        "go.microsoft.com",
        &["go.microsoft.com.edgekey.net", "e11290.dspg.akamaiedge.net"],
        &[[23, 35, 229, 160]],
        Some([0x2a02, 0x26f0, 0x1700, 9, 0, 0, 0, 0x2c1a]),
    ),
    host(
        Tls,
        "sls.update.microsoft.com",
        &["slscr.update.trafficmanager.net"],
        &[[52, 165, 165, 26]],
        Some([0x2603, 0x1030, 0xc02, 8, 0, 0, 0, 0x14]),
    ),
    host(
        Tls,
        "fe3cr.delivery.mp.microsoft.com",
        &["fe3.delivery.mp.trafficmanager.net"],
        &[[52, 152, 90, 172]],
        None,
    ),
    host(
        Tls,
        "array801.do.dsp.mp.microsoft.com",
        &["array801-prod.trafficmanager.net"],
        &[[52, 184, 213, 21]],
        None,
    ),
    host(
        Tls,
        "clientconfig.passport.net",
        &["authgfx.msa.akadns6.net"],
        &[[20, 190, 160, 22]],
        None,
    ),
    host(
        Tls,
        "c.s-microsoft.com",
        &["c-s.cms.ms.akadns.net", "e13678.dscg.akamaiedge.net"],
        &[[23, 55, 163, 73]],
        None,
    ),
    host(
        Tls,
        "ekop.intel.com",
        &["ekop-prod.trafficmanager.net"],
        &[[13, 91, 91, 243]],
        None,
    ),
    host(
        Tls,
        "lgmsapeweu.blob.core.windows.net",
        &["blob.ams08prdstr05a.store.core.windows.net"],
        &[[20, 60, 222, 129]],
        None,
    ),
    // Neighbours that are in no endpoint set: every office network is full of them.
    host(
        Tls,
        "outlook.office365.com",
        &["outlook.ha.office365.com"],
        &[[52, 97, 133, 130], [40, 99, 204, 34]],
        None,
    ),
    host(
        Tls,
        "www.example.com",
        &[],
        &[[198, 51, 100, 80]],
        Some([0x2001, 0xdb8, 0x80, 0, 0, 0, 0, 0x80]),
    ),
    host(
        Ntp,
        "time.windows.com",
        &["twc.trafficmanager.net"],
        &[[40, 119, 6, 228], [20, 101, 57, 9]],
        None,
    ),
    host(
        TlsDownload,
        "swda01-mscdn.manage.microsoft.com",
        &[
            "swda01-mscdn.azureedge.net",
            "swda01-mscdn.ec.azureedge.net",
            "cs9.wpc.v0cdn.net",
        ],
        &[[152, 199, 19, 161]],
        None,
    ),
    host(
        TlsDownload,
        "swdb01-mscdn.manage.microsoft.com",
        &["swdb01-mscdn.azureedge.net"],
        &[[152, 199, 19, 172]],
        None,
    ),
    host(
        HttpDownload,
        "2.dl.delivery.mp.microsoft.com",
        &[
            "2-01-37d2-0017.cdx.cedexis.net",
            "2.dl.delivery.mp.microsoft.com.edgesuite.net",
            "a1951.dscd.akamai.net",
        ],
        &[[23, 32, 46, 10]],
        Some([0x2a02, 0x26f0, 0x1700, 9, 0, 0, 0, 0x10]),
    ),
    host(
        HttpDownload,
        "au.download.windowsupdate.com",
        &[
            "wu-f-net.trafficmanager.net",
            "au.download.windowsupdate.com.edgesuite.net",
        ],
        &[[23, 32, 46, 40]],
        None,
    ),
];
