using System.Collections;

namespace uPLibrary.Networking.M2Mqtt.Session
{
    /// <summary>What one side keeps between two connections.</summary>
    public abstract class MqttSession
    {
        /// <summary>For no client yet.</summary>
        protected MqttSession()
            : this(null)
        {
        }

        /// <summary>For a client.</summary>
        /// <param name="clientId">The client identifier.</param>
        protected MqttSession(string clientId)
        {
            ClientId = clientId;
            InflightMessages = new Hashtable();
        }

        /// <summary>The client identifier.</summary>
        public string ClientId { get; set; }

        /// <summary>Messages on their way.</summary>
        public Hashtable InflightMessages { get; set; }

        /// <summary>Forgets client and messages.</summary>
        public virtual void Clear()
        {
            ClientId = null;
            InflightMessages.Clear();
        }
    }

    /// <summary>What a client keeps between two connections.</summary>
    public class MqttClientSession : MqttSession
    {
        /// <summary>For a client.</summary>
        /// <param name="clientId">The client identifier.</param>
        public MqttClientSession(string clientId)
            : base(clientId)
        {
        }
    }
}
