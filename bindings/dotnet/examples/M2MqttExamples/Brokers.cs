using MqttLink;

namespace M2MqttExamples
{
    /// <summary>The broker of the examples: it knows one user by SCRAM and one device by its signature, and lets
    /// everybody else in.</summary>
    internal static class Brokers
    {
        internal static MqttBrokerOptions Options()
        {
            return MqttBrokerOptions.ForTest()
                .OnExchange(peer => new Scram.ServerSide())
                .OnAuthenticate(request =>
                    request.Peer.User != AzureShape.UserName || AzureShape.IsValid(PasswordOf(request.Peer))
                        ? MqttReason.Success
                        : MqttReason.BadUserNameOrPassword);
        }

        private static string PasswordOf(MqttPeer peer)
        {
            return System.Text.Encoding.UTF8.GetString(peer.Password ?? new byte[0]);
        }
    }
}
