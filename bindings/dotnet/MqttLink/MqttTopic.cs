using MqttLink.Interop;

namespace MqttLink
{
    /// <summary>The rules for topic names and filters (section 4.7).</summary>
    public static class MqttTopic
    {
        /// <summary>Whether a topic name is valid: 1 to 65,535 bytes of UTF-8, no wildcard.</summary>
        public static bool IsName(string name)
        {
            NativeLibraryFinder.Ensure();
            return NativeMethods.mqttlink_topic_check_name(Text.Required(name, nameof(name))) == MqttStatus.Ok;
        }

        /// <summary>Whether a topic filter is valid by the rules of MQTT 5.0, shared ones included.</summary>
        public static bool IsFilter(string filter)
        {
            NativeLibraryFinder.Ensure();
            var text = Text.Required(filter, nameof(filter));
            return NativeMethods.mqttlink_topic_check_filter(text) == MqttStatus.Ok;
        }

        /// <summary>
        /// Whether messages with this topic name go to a subscription with this filter. For a shared subscription
        /// <c>$share/NAME/FILTER</c> the filter behind the name counts.
        /// </summary>
        /// <exception cref="System.ArgumentException">The filter or the name is not valid.</exception>
        public static bool Matches(string filter, string name)
        {
            NativeLibraryFinder.Ensure();
            MqttException.Check(NativeMethods.mqttlink_topic_matches(
                Text.Required(filter, nameof(filter)), Text.Required(name, nameof(name)), out var matches));
            return matches;
        }
    }
}
