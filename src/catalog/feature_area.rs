//! Feature areas: what an endpoint set serves, named after the sections of Microsoft's article.

use std::fmt;

macro_rules! feature_areas {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $title:literal;)+) => {
        /// What an endpoint set serves.
        ///
        /// The area of a set is the section of the article its row stands in, whatever the row's description says.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FeatureArea {
            $($(#[$doc])* $variant,)+
        }

        impl FeatureArea {
            /// Every area, in the order reports list them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The stable name used in catalogue files and reports, such as `core-service`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// A heading for people, such as "Intune core service".
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }
        }
    };
}

feature_areas! {
    /// The management service itself and what every managed device needs.
    CoreService = "core-service", "Intune core service";
    /// Sign-in and device registration.
    Authentication = "authentication", "Authentication";
    /// Windows Autopilot.
    Autopilot = "autopilot", "Windows Autopilot";
    /// Organizational messages. No edition gives them a section of their own (set 192 stands under the core service);
    /// the area is there for a user's file.
    OrganizationalMessages = "organizational-messages", "Organizational messages";
    /// Windows Push Notification Services.
    Wns = "wns", "Windows push notifications";
    /// Delivery Optimization: Windows content from the cloud and from peers.
    DeliveryOptimization = "delivery-optimization", "Delivery Optimization";
    /// PowerShell scripts and Win32 apps, by tenant location.
    PowershellWin32 = "powershell-win32", "PowerShell scripts and Win32 apps";
    /// Microsoft Store apps.
    MicrosoftStore = "microsoft-store", "Microsoft Store";
    /// Remote Help.
    RemoteHelp = "remote-help", "Remote Help";
    /// Apple devices.
    Apple = "apple", "Apple devices";
    /// Android devices without Google services.
    AndroidAosp = "android-aosp", "Android AOSP";
    /// Android Enterprise and Firebase Cloud Messaging.
    AndroidEnterprise = "android-enterprise", "Android Enterprise";
    /// Device health attestation.
    DeviceHealthAttestation = "device-health-attestation", "Device health attestation";
    /// Defender for Endpoint security settings management.
    DefenderForEndpoint = "defender-for-endpoint", "Defender for Endpoint";
    /// Endpoint Privilege Management.
    EndpointPrivilegeManagement = "endpoint-privilege-management", "Endpoint Privilege Management";
    /// Endpoint analytics.
    EndpointAnalytics = "endpoint-analytics", "Endpoint analytics";
    /// Autopilot and identity hosts that no set lists.
    Supplementary = "supplementary", "Autopilot and identity hosts in no set";
    /// Rows of the Microsoft 365 list, kept to explain a flow and never required.
    Reference = "reference", "Microsoft 365 reference";
}

impl FeatureArea {
    /// The area with this stable name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|area| area.name() == name)
    }
}

impl fmt::Display for FeatureArea {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_lead_back_to_their_area() {
        for area in FeatureArea::ALL {
            assert_eq!(FeatureArea::from_name(area.name()), Some(*area));
        }
        assert_eq!(FeatureArea::from_name("Core-Service"), None);
    }
}
