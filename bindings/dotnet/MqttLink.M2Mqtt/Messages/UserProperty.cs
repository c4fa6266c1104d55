namespace nanoFramework.M2Mqtt.Messages
{
    /// <summary>A name and a value that travel with a packet (MQTT 5.0, section 3.1.2.11.8). Names may
    /// repeat.</summary>
    public class UserProperty
    {
        /// <summary>Makes one.</summary>
        /// <param name="name">The name, at most 65,535 bytes of UTF-8.</param>
        /// <param name="value">The value, at most 65,535 bytes of UTF-8.</param>
        public UserProperty(string name, string value)
        {
            Name = name;
            Value = value;
        }

        /// <summary>The name.</summary>
        public string Name { get; set; }

        /// <summary>The value.</summary>
        public string Value { get; set; }
    }
}
