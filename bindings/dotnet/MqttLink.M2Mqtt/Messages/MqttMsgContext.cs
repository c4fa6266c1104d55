namespace nanoFramework.M2Mqtt.Messages
{
    /// <summary>A message on its way, and how far it has come.</summary>
    public class MqttMsgContext
    {
        /// <summary>The message.</summary>
        public MqttMsgBase Message { get; set; }

        /// <summary>How far it has come.</summary>
        public MqttMsgState State { get; set; }

        /// <summary>Which way it goes.</summary>
        public MqttMsgFlow Flow { get; set; }

        /// <summary>When it was accepted, in ticks of 100 ns since the year 1, UTC.</summary>
        public long Timestamp { get; set; }

        /// <summary>How many connections it was sent on.</summary>
        public int Attempt { get; set; }

        /// <summary>The name under which a session keeps it: flow and identifier, such as
        /// <c>ToPublish_7</c>.</summary>
        public string Key
        {
            get { return Flow + "_" + Message.MessageId; }
        }
    }
}
