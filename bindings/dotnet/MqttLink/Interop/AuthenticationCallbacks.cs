using System;
using System.Runtime.InteropServices;

namespace MqttLink.Interop
{
    /// <summary>Has a client answer the challenges of enhanced authentication.</summary>
    internal static class AuthenticationCallbacks
    {
        private static readonly AuthStartFunction Start = OnStart;
        private static readonly AuthRespondFunction Respond = OnRespond;
        private static readonly AuthFinishFunction Finish = OnFinish;

        // Any number but 0 gives up.
        private const int GaveUp = 1;

        internal static void Register(OptionsHandle options, string method, IntPtr user)
        {
            MqttException.Check(NativeMethods.mqttlink_options_set_authenticator(
                options, Text.ToNative(method, "method"), Start, Respond, Finish, user, null));
        }

        private static int OnStart(IntPtr user, IntPtr reply)
        {
            return Run(user, client => Set(reply, client.OnAuthenticationStart()));
        }

        private static int OnRespond(IntPtr user, IntPtr challenge, UIntPtr length, IntPtr reply)
        {
            return Run(user, client =>
            {
                var data = Text.Bytes(challenge, length) ?? Array.Empty<byte>();
                Set(reply, client.OnAuthenticationChallenge(data));
            });
        }

        private static int OnFinish(IntPtr user, IntPtr data, UIntPtr length)
        {
            return Run(user, client =>
                client.OnAuthenticationFinish(Text.Bytes(data, length) ?? Array.Empty<byte>()));
        }

        private static unsafe void Set(IntPtr reply, byte[] data)
        {
            if (data == null)
            {
                return;
            }
            fixed (byte* start = data)
            {
                MqttException.Check(
                    NativeMethods.mqttlink_reply_set(reply, start, NativeMethods.Size(data.Length)));
            }
        }

        private static int Run(IntPtr user, Action<IClientEvents> step)
        {
            IClientEvents client = null;
            try
            {
                client = ClientLink.Client(user, out _);
                if (client == null)
                {
                    return GaveUp;
                }
                step(client);
                return 0;
            }
            catch (Exception exception)
            {
                client?.OnAuthenticationError(exception);
                return GaveUp;
            }
        }
    }
}
