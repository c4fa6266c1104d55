using System;
using MqttLink.Interop;

namespace MqttLink
{
    /// <summary>
    /// Everything about a broker that is fixed before it starts. Each method changes one thing, throws at once if it
    /// cannot be, and returns the same object. Not for several threads at a time. What a hook throws goes to
    /// <see cref="OnHookError"/>, and the hook counts as having refused.
    /// </summary>
    public sealed class MqttBrokerOptions
    {
        /// <summary>Options for a broker that listens nowhere yet, with the default of everything.</summary>
        public MqttBrokerOptions() : this(false)
        {
        }

        private MqttBrokerOptions(bool forTest)
        {
            NativeLibraryFinder.Ensure();
            BrokerOptionsHandle handle;
            MqttException.Check(forTest
                ? NativeMethods.mqttlink_broker_options_new_for_test(out handle)
                : NativeMethods.mqttlink_broker_options_new(out handle));
            Handle = handle;
        }

        internal BrokerOptionsHandle Handle { get; }

        internal BrokerHooks Hooks { get; } = new BrokerHooks();

        /// <summary>
        /// Options for a broker for tests: it listens on a free port of 127.0.0.1 beside other addresses, keeps its
        /// last 10,000 packets, chooses the same client identifiers every time, and has the methods that say so:
        /// waiting for clients, faults, virtual time, transcripts.
        /// </summary>
        public static MqttBrokerOptions ForTest()
        {
            return new MqttBrokerOptions(true);
        }

        /// <summary>
        /// Listens on an address and port: "127.0.0.1:1883", "[::1]:0", "localhost:0". Port 0 lets the system choose.
        /// May be called several times. Without a hook that authenticates, and without client certificates that are
        /// required, only addresses that other machines cannot reach are taken, unless
        /// <see cref="MqttBrokerSetting.AllowAnonymous"/> says otherwise.
        /// </summary>
        /// <param name="address">Where.</param>
        /// <param name="tls">Speaks TLS; null for none.</param>
        public MqttBrokerOptions Listen(string address, MqttServerTls tls = null)
        {
            var status = NativeMethods.mqttlink_broker_options_listen(
                Handle, Text.Required(address, nameof(address)), tls?.Handle.Pointer ?? IntPtr.Zero);
            GC.KeepAlive(tls);
            return After(status);
        }

        /// <summary>
        /// Lets time stand still in a broker for tests, but for <see cref="MqttBroker.Advance"/>, so that what takes
        /// hours in a broker takes no time in a test. Default: real time.
        /// </summary>
        public MqttBrokerOptions WithVirtualTime()
        {
            return After(NativeMethods.mqttlink_broker_options_set_virtual_time(Handle, true));
        }

        /// <summary>Whether a protocol version is spoken. Default: all are.</summary>
        public MqttBrokerOptions Allow(MqttProtocol protocol, bool allowed)
        {
            return After(NativeMethods.mqttlink_broker_options_allow_version(Handle, (int)protocol, allowed));
        }

        /// <summary>
        /// Whether a protocol version is spoken on the address of the last <see cref="Listen"/>. Default: those of
        /// <see cref="Allow"/>.
        /// </summary>
        /// <exception cref="MqttException">There was no such call.</exception>
        public MqttBrokerOptions AllowThere(MqttProtocol protocol, bool allowed)
        {
            return After(NativeMethods.mqttlink_broker_options_allow_version_there(Handle, (int)protocol, allowed));
        }

        /// <summary>
        /// What a client is told that asks for response information; null, which is the default, is nothing. MQTT 5.0
        /// only.
        /// </summary>
        public MqttBrokerOptions WithResponseInformation(string information)
        {
            return After(NativeMethods.mqttlink_broker_options_set_response_information(
                Handle, Text.ToNative(information, nameof(information))));
        }

        /// <summary>Sets one of the numbers; each says what it means and what its default is.</summary>
        public MqttBrokerOptions With(MqttBrokerSetting setting, ulong number)
        {
            return After(NativeMethods.mqttlink_broker_options_set(Handle, (int)setting, number));
        }

        /// <summary>What one of the numbers is; null for a seed that was not set.</summary>
        public ulong? Get(MqttBrokerSetting setting)
        {
            var status = NativeMethods.mqttlink_broker_options_get(Handle, (int)setting, out var number);
            if (status == MqttStatus.NotFound)
            {
                return null;
            }
            MqttException.Check(status);
            return number;
        }

        /// <summary>
        /// Decides whether a client may connect: returns <see cref="MqttReason.Success"/>, or with what it is refused.
        /// Runs on one of the threads for authentication, several at the same time; it may wait, and may call every
        /// method. Default: everybody may.
        /// </summary>
        public MqttBrokerOptions OnAuthenticate(Func<MqttConnectRequest, MqttReason> hook)
        {
            Hooks.Authenticate = hook;
            return this;
        }

        /// <summary>
        /// Decides whether a client may publish, subscribe and be given something. Runs on the broker's thread:
        /// nothing else happens in the broker until it returns, and it must not wait. Of the broker's methods
        /// <see cref="MqttBroker.Publish"/> and <see cref="MqttBroker.Dispose"/> may be called. Default: everybody
        /// may everything.
        /// </summary>
        public MqttBrokerOptions OnAuthorize(Func<MqttAccess, bool> hook)
        {
            Hooks.Authorize = hook;
            return this;
        }

        /// <summary>
        /// Sees, and may change, each message that a client publishes, also as its will: returns
        /// <see cref="MqttReason.Success"/> if it goes on, or with what it is refused. Runs on the broker's thread, as
        /// <see cref="OnAuthorize"/>.
        /// </summary>
        public MqttBrokerOptions OnIntercept(Func<MqttDraft, MqttReason> hook)
        {
            Hooks.Intercept = hook;
            return this;
        }

        /// <summary>
        /// Carries clients with an authentication method through their exchange. The hook is given the client, whose
        /// method is in its properties; null refuses the method. Runs on one of the threads for authentication.
        /// </summary>
        public MqttBrokerOptions OnExchange(Func<MqttPeer, IMqttExchange> hook)
        {
            Hooks.Exchange = hook;
            return this;
        }

        /// <summary>
        /// Is told what happens, in order, on a thread of its own; it may call every method, also those that wait.
        /// </summary>
        public MqttBrokerOptions OnEvent(Action<MqttBrokerEvent> handler)
        {
            Hooks.Event = handler;
            return this;
        }

        /// <summary>Is told what a hook has thrown, on the thread of the hook.</summary>
        public MqttBrokerOptions OnHookError(Action<Exception> handler)
        {
            Hooks.Error = handler;
            return this;
        }

        private MqttBrokerOptions After(MqttStatus status)
        {
            MqttException.Check(status);
            return this;
        }
    }
}
